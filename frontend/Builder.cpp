//===- Builder.cpp - Makes nodes of a graph -------------------------------===//

#include "frontend/Builder.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace mlc::frontend {

Node *GraphBuilder::add(std::string_view op, std::vector<Node *> operands,
                        TensorType type) {
  Node &node = graph.nodes.emplace_back();
  node.op = op;
  node.operands = std::move(operands);
  node.type = std::move(type);
  node.span = span;
  node.call = call;
  node.loop = loop;
  node.gradient = gradient;
  if (loop)
    loop->nodes.push_back(&node);
  for (const Node *operand : node.operands)
    node.afterBatch |= operand->afterBatch;
  return &node;
}

Node *GraphBuilder::leaf(std::string_view op, std::string name,
                         TensorType type) {
  Loop *current = std::exchange(loop, nullptr); // the same in each iteration
  Node *node = add(op, {}, std::move(type));
  node->word = std::move(name);
  loop = current;
  return node;
}

Node *GraphBuilder::constant(DType dtype, Shape shape, double value) {
  if (!isFloat(dtype))
    return constant(dtype, std::move(shape), saturate(value, dtype));
  Node *node = add("constant", {}, {dtype, std::move(shape)});
  node->number = value;
  return node;
}

Node *GraphBuilder::constant(DType dtype, Shape shape, int64_t value) {
  if (isFloat(dtype))
    return constant(dtype, std::move(shape), static_cast<double>(value));
  Node *node = add("constant", {}, {dtype, std::move(shape)});
  node->integer = value;
  return node;
}

/// Ops that compute in the type of their operands and cost little beside a
/// matrix product.
static bool widens(const Node &node) {
  static const std::set<std::string_view> kOps = {
      "add",       "sub",
      "mul",       "div",
      "pow",       "maximum",
      "minimum",   "mod",
      "neg",       "abs",
      "sign",      "exp",
      "log",       "log1p",
      "sqrt",      "tanh",
      "sigmoid",   "relu",
      "cos",       "floor",
      "expm1",     "erf",
      "sin",       "round",
      "select",    "broadcast",
      "concat",    "reshape",
      "transpose", "reduce",
      "slice",     "cast",
      "constant",  "softmax_cross_entropy"};
  return kOps.count(node.op) > 0;
}

Node *GraphBuilder::widen(Node *x, DType narrow) {
  DType dtype = x->type.dtype;
  if (!isFloat(dtype))
    return x;
  if (auto known = wide.find(x); known != wide.end())
    return known->second;
  const bool isNarrow = dtype == narrow;
  Node *result = nullptr;
  if (x->op == "cast") {
    Node *from = x->operands[0];
    result = cast(isFloat(from->type.dtype) ? widen(from, narrow) : from,
                  isNarrow ? DType::F32 : dtype);
  } else if (widens(*x) && x->loop == loop && x->gradient == gradient) {
    std::vector<Node *> operands;
    for (Node *operand : x->operands)
      operands.push_back(widen(operand, narrow));
    if (isNarrow || operands != x->operands) {
      Node copy = *x;
      copy.operands = std::move(operands);
      copy.type.dtype = isNarrow ? DType::F32 : dtype;
      result = &graph.nodes.emplace_back(std::move(copy));
      if (loop)
        loop->nodes.push_back(result);
    }
  }
  if (!result)
    result = isNarrow ? cast(x, DType::F32) : x;
  return wide[x] = result;
}

Node *GraphBuilder::mask(DType dtype) {
  return leaf("mask", "", {dtype, {Dim::batch()}});
}

Node *GraphBuilder::count(DType dtype) {
  return leaf("count", "", {dtype, {}});
}

Node *GraphBuilder::cast(Node *x, DType dtype) {
  if (x->type.dtype == dtype)
    return x;
  return add("cast", {x}, {dtype, x->type.shape});
}

Node *GraphBuilder::broadcast(Node *x, const Shape &shape) {
  std::vector<int64_t> dims;
  for (size_t i = shape.size() - x->type.shape.size(); i < shape.size(); ++i)
    dims.push_back(static_cast<int64_t>(i));
  return broadcast(x, shape, std::move(dims));
}

Node *GraphBuilder::broadcast(Node *x, const Shape &shape,
                              std::vector<int64_t> dims) {
  Shape kept;
  std::vector<int64_t> keptDims;
  for (size_t i = 0; i < dims.size(); ++i)
    if (!x->type.shape[i].isOne() || !shape[dims[i]].isBatch) {
      kept.push_back(x->type.shape[i]);
      keptDims.push_back(dims[i]);
    }
  x = reshape(x, kept);
  dims = std::move(keptDims);
  if (x->type.shape == shape)
    return x;
  Node *node = add("broadcast", {x}, {x->type.dtype, shape});
  node->lists[0] = std::move(dims);
  return node;
}

Node *GraphBuilder::reshape(Node *x, const Shape &shape) {
  if (x->type.shape == shape)
    return x;
  Node *node = add("reshape", {x}, {x->type.dtype, shape});
  if (x->type.batchDim() >= 0) {
    node->lists[0] = {x->type.batchDim()};
    node->lists[1] = {node->type.batchDim()};
  }
  return node;
}

Node *GraphBuilder::transpose(Node *x, const std::vector<int64_t> &perm) {
  if (std::is_sorted(perm.begin(), perm.end()))
    return x;
  Shape shape;
  for (int64_t dim : perm)
    shape.push_back(x->type.shape[dim]);
  Node *node = add("transpose", {x}, {x->type.dtype, std::move(shape)});
  node->lists[0] = perm;
  return node;
}

Node *GraphBuilder::unary(std::string_view op, Node *x) {
  return add(op, {x}, x->type);
}

Node *GraphBuilder::binary(std::string_view op, Node *a, Node *b) {
  return add(op, {a, b}, a->type);
}

Node *GraphBuilder::compare(std::string predicate, Node *a, Node *b) {
  Node *node = add("compare", {a, b}, {DType::Bool, a->type.shape});
  node->word = std::move(predicate);
  return node;
}

Node *GraphBuilder::select(Node *condition, Node *a, Node *b) {
  return add("select", {condition, a, b}, a->type);
}

Node *GraphBuilder::maskRows(Node *x, const std::string &kind) {
  Node *flags = mask(DType::F32);
  Node *real =
      compare("ne", flags, constant(DType::F32, flags->type.shape, 0.0));
  real = broadcast(real, x->type.shape, {x->type.batchDim()});
  return select(real, x, neutral(kind, x->type));
}

Node *GraphBuilder::neutral(const std::string &kind, const TensorType &type) {
  if (kind == "sum")
    return constant(type.dtype, type.shape, 0.0);
  bool isMax = kind == "max";
  if (isFloat(type.dtype)) {
    double infinity = std::numeric_limits<double>::infinity();
    return constant(type.dtype, type.shape, isMax ? -infinity : infinity);
  }
  auto [lowest, highest] = integerRange(type.dtype);
  return constant(type.dtype, type.shape, isMax ? lowest : highest);
}

DType GraphBuilder::carriedType(const std::string &kind, DType dtype) {
  return kind == "sum" ? wideType(dtype) : dtype;
}

Node *GraphBuilder::reduce(const std::string &kind, Node *x,
                           const std::vector<int64_t> &dims) {
  const int64_t batch = x->type.batchDim();
  const bool overBatch =
      std::find(dims.begin(), dims.end(), batch) != dims.end();
  const std::string primitive = kind == "mean" ? "sum" : kind;
  const DType dtype = x->type.dtype;
  if (kind == "mean" || overBatch) // a mean's count may be beyond f16
    x = cast(x, carriedType(primitive, dtype));
  int64_t elements = 1; // of one row
  Node *result = x;
  auto reduceDims = [&](std::vector<int64_t> which) {
    if (which.empty())
      return;
    Shape shape;
    for (int64_t i = 0; i < result->type.rank(); ++i)
      if (std::find(which.begin(), which.end(), i) == which.end())
        shape.push_back(result->type.shape[i]);
    Node *node = add("reduce", {result}, {x->type.dtype, std::move(shape)});
    node->word = primitive;
    node->lists[0] = std::move(which);
    result = node;
  };
  std::vector<int64_t> within; // one row's dimensions first
  for (int64_t dim : dims)
    if (dim != batch) {
      within.push_back(dim);
      elements *= x->type.shape[dim].size;
    }
  reduceDims(within);
  if (overBatch) {
    result = maskRows(result, primitive);
    reduceDims({result->type.batchDim()});
    result->reducesBatch = result->afterBatch = true;
  }
  if (kind == "mean" && (overBatch || elements != 1)) {
    Node *divisor = overBatch ? count(x->type.dtype) : nullptr;
    if (elements != 1) {
      Node *size = constant(x->type.dtype, {}, elements);
      divisor = divisor ? binary("mul", divisor, size) : size;
    }
    result = binary("div", result, broadcast(divisor, result->type.shape));
  }
  return cast(result, dtype);
}

Node *GraphBuilder::argReduce(const std::string &kind, Node *x, int64_t dim) {
  Shape shape = x->type.shape;
  shape.erase(shape.begin() + dim);
  Node *node = add("arg_reduce", {x}, {DType::I32, std::move(shape)});
  node->word = kind;
  node->lists[0] = {dim};
  return node;
}

Node *GraphBuilder::dot(Node *a, Node *b, std::vector<int64_t> aBatch,
                        std::vector<int64_t> bBatch,
                        std::vector<int64_t> aContract,
                        std::vector<int64_t> bContract) {
  auto has = [](const std::vector<int64_t> &dims, int64_t dim) {
    return std::find(dims.begin(), dims.end(), dim) != dims.end();
  };
  bool overBatch = has(aContract, a->type.batchDim());
  const DType dtype = a->type.dtype;
  if (overBatch) {
    a = maskRows(cast(a, carriedType("sum", dtype)), "sum");
    b = maskRows(cast(b, carriedType("sum", dtype)), "sum");
  }
  Shape shape;
  for (int64_t dim : aBatch)
    shape.push_back(a->type.shape[dim]);
  auto addFree = [&](Node *x, const std::vector<int64_t> &batch,
                     const std::vector<int64_t> &contract) {
    for (int64_t i = 0; i < x->type.rank(); ++i)
      if (!has(contract, i) && !has(batch, i))
        shape.push_back(x->type.shape[i]);
  };
  addFree(a, aBatch, aContract);
  addFree(b, bBatch, bContract);
  Node *node = add("dot", {a, b}, {a->type.dtype, std::move(shape)});
  node->lists = {std::move(aBatch), std::move(bBatch), std::move(aContract),
                 std::move(bContract)};
  if (overBatch)
    node->reducesBatch = node->afterBatch = true;
  return cast(node, dtype);
}

Node *GraphBuilder::gather(Node *x, Node *indices, int64_t dim) {
  Shape shape = x->type.shape;
  shape.erase(shape.begin() + dim);
  shape.insert(shape.begin() + dim, indices->type.shape.begin(),
               indices->type.shape.end());
  Node *node = add("gather", {x, indices}, {x->type.dtype, std::move(shape)});
  node->lists[0] = {dim};
  return node;
}

Node *GraphBuilder::scatterAdd(Node *x, Node *indices, int64_t extent) {
  const DType dtype = x->type.dtype;
  const bool overBatch = indices->type.batchDim() >= 0;
  if (overBatch)
    x = maskRows(cast(x, carriedType("sum", dtype)), "sum");
  Shape shape = x->type.shape;
  shape.erase(shape.begin(), shape.begin() + indices->type.rank());
  shape.insert(shape.begin(), Dim::of(extent));
  Node *node =
      add("scatter_add", {x, indices}, {x->type.dtype, std::move(shape)});
  node->lists[0] = {0};
  if (overBatch)
    node->reducesBatch = node->afterBatch = true;
  return cast(node, dtype);
}

Node *GraphBuilder::softmaxCrossEntropy(Node *logits, Node *labels) {
  return add("softmax_cross_entropy", {logits, labels},
             {logits->type.dtype, labels->type.shape});
}

Node *GraphBuilder::attention(Node *q, Node *k, Node *v, Node *mask,
                              bool causal, double scale) {
  TensorType type = q->type;
  type.shape.back() = v->type.shape.back();
  std::vector<Node *> operands = {q, k, v};
  if (mask)
    operands.push_back(mask);
  Node *node = add("attention", std::move(operands), std::move(type));
  node->integer = causal;
  node->number = scale;
  return node;
}

Node *GraphBuilder::overWindow(std::string_view op,
                               std::vector<Node *> operands, int64_t channels,
                               const std::vector<graph::WindowDim> &window) {
  TensorType type = operands[0]->type;
  type.shape[1] = Dim::of(channels);
  for (size_t i = 0; i < window.size(); ++i)
    type.shape[i + 2] = Dim::of(window[i].places());
  Node *node = add(op, std::move(operands), std::move(type));
  node->window = window;
  return node;
}

Node *GraphBuilder::convolution(Node *x, Node *kernel,
                                const std::vector<graph::WindowDim> &window,
                                int64_t channels, int64_t groups,
                                bool transposed) {
  Node *node = overWindow("conv", {x, kernel}, channels, window);
  node->integer = groups;
  if (transposed)
    node->word = "transposed";
  return node;
}

Node *GraphBuilder::pool(std::string_view op, Node *x,
                         const std::vector<graph::WindowDim> &window) {
  std::vector<Node *> operands(op == "max_pool" ? 2 : 1, x);
  return overWindow(op, std::move(operands), x->type.shape[1].size, window);
}

Node *GraphBuilder::concat(const std::vector<Node *> &parts, int64_t dim) {
  TensorType type = parts[0]->type;
  for (size_t i = 1; i < parts.size(); ++i)
    type.shape[dim].size += parts[i]->type.shape[dim].size;
  Node *node = add("concat", parts, std::move(type));
  node->lists[0] = {dim};
  return node;
}

Node *GraphBuilder::slice(Node *x, std::vector<int64_t> starts,
                          std::vector<int64_t> limits,
                          std::vector<int64_t> strides) {
  TensorType type = x->type;
  for (size_t i = 0; i < starts.size(); ++i)
    if (!type.shape[i].isBatch)
      type.shape[i].size =
          (limits[i] - starts[i] + strides[i] - 1) / strides[i];
  if (type == x->type)
    return x;
  Node *node = add("slice", {x}, std::move(type));
  node->lists = {std::move(starts), std::move(limits), std::move(strides), {}};
  return node;
}

std::vector<Node *>
GraphBuilder::customGradient(const std::vector<Node *> &results,
                             const std::vector<Node *> &parameters,
                             GivenGradient &given) {
  std::vector<Node *> operands = results;
  operands.insert(operands.end(), parameters.begin(), parameters.end());
  Node *whole = add("custom_gradient", std::move(operands), results[0]->type);
  whole->given = &given;
  std::vector<Node *> wrapped;
  for (size_t i = 0; i < results.size(); ++i) {
    wrapped.push_back(add("result", {whole}, results[i]->type));
    wrapped.back()->integer = static_cast<int64_t>(i);
  }
  return wrapped;
}

Node *GraphBuilder::iota(DType dtype, Shape shape, int64_t dim) {
  Node *node = add("iota", {}, {dtype, std::move(shape)});
  node->lists[0] = {dim};
  return node;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

Node *GraphBuilder::addSequence(Node *source) {
  return addSequence(*loop, source);
}

Node *GraphBuilder::addSequence(Loop &in, Node *source) {
  Loop *current = std::exchange(loop, &in);
  TensorType type = source->type;
  type.shape.erase(type.shape.begin());
  Node *argument = add("argument", {source}, std::move(type));
  in.sequences.push_back({source, argument});
  loop = current;
  return argument;
}

Node *GraphBuilder::addCarry(Node *init) {
  Node *argument = add("argument", {init}, init->type);
  loop->carries.push_back({init, argument, nullptr});
  return argument;
}

/// Is a node computed in `loop`, or in a loop inside of it.
static bool isInside(const Node *node, const Loop *loop) {
  for (const Loop *at = node->loop; at; at = at->parent)
    if (at == loop)
      return true;
  return false;
}

std::vector<Node *> GraphBuilder::finishLoop() {
  Loop &done = *loop;
  loop = done.parent;
  std::vector<Node *> operands;
  std::vector<TensorType> types;
  for (const Loop::Carry &carry : done.carries) {
    operands.push_back(carry.init);
    types.push_back(carry.init->type);
  }
  for (const Loop::Sequence &sequence : done.sequences)
    operands.push_back(sequence.source);
  auto capture = [&](Node *node) {
    if (!isInside(node, &done) &&
        std::find(operands.begin(), operands.end(), node) == operands.end())
      operands.push_back(node);
  };
  for (const Node *node : done.nodes)
    for (Node *operand : node->operands)
      capture(operand);
  for (const Loop::Carry &carry : done.carries)
    capture(carry.next);
  for (Node *node : done.yields) {
    capture(node);
    TensorType type = node->type;
    type.shape.insert(type.shape.begin(), Dim::of(done.count));
    types.push_back(std::move(type));
  }
  Node *scan = add("scan", std::move(operands), {});
  scan->body = &done;
  std::vector<Node *> results;
  for (size_t i = 0; i < types.size(); ++i) {
    Node *result = add("result", {scan}, types[i]);
    result->integer = static_cast<int64_t>(i);
    results.push_back(result);
  }
  return results;
}

} // namespace mlc::frontend
