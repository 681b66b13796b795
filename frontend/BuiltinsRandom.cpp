//===- BuiltinsRandom.cpp - Functions that draw random numbers ------------===//
//
// Numbers depend on the seed, on the place of the call in the model, on the
// step, on the iterations of the loops around and on the example: see
// ir/graph/GraphRandomOps.td.
//
//===----------------------------------------------------------------------===//

#include "frontend/Elaborator.h"

#include "llvm/Support/xxhash.h"

#include <numbers>

namespace mlc::frontend {

Node *GraphBuilder::draw(std::string_view op, DType dtype, const Shape &shape,
                         uint64_t site, double rate) {
  std::vector<Node *> operands = {leaf("seed", "", {DType::I64, {}}),
                                  leaf("step", "", {DType::I64, {}})};
  std::vector<Loop *> around; // the innermost first
  for (Loop *each = loop; each; each = each->parent)
    around.push_back(each);
  for (auto each = around.rbegin(); each != around.rend(); ++each)
    operands.push_back(iterationOf(**each));
  TensorType type{wideType(dtype), shape};
  const auto indices = static_cast<int64_t>(operands.size()) - 1;
  const int64_t batch = type.batchDim();
  if (batch >= 0)
    operands.push_back(leaf("row", "", {DType::I64, {Dim::batch()}}));
  Node *node = add(op, std::move(operands), std::move(type));
  node->lists[0] = {indices};
  if (batch >= 0)
    node->lists[1] = {batch};
  node->integer = static_cast<int64_t>(site);
  node->number = rate;
  return node;
}

Node *GraphBuilder::iterationOf(Loop &in) {
  if (!in.iteration) {
    Loop *current = std::exchange(loop, in.parent);
    Node *numbers = iota(DType::I64, {Dim::of(in.count)}, 0);
    loop = current;
    in.iteration = addSequence(in, numbers);
  }
  return in.iteration;
}

/// Of the next draw of a body.
static uint64_t siteOf(Body &body) {
  int number = body.numbering["#random"]++; // no layer's name
  return llvm::xxh3_64bits(body.self->path + "#random" +
                           std::to_string(number));
}

Value Elaborator::builtinDropout(CallSite &site) {
  Actual &x = site.args[0], &rate = site.args[1];
  Node *node = requireTensor(x.value, x.span, "`dropout`");
  if (!node)
    return {};
  if (!isFloat(node->type.dtype)) {
    context.error(Code::WrongElementType, x.span,
                  "`dropout` needs floats, found " + x.value.describe());
    return {};
  }
  double share = 0.5;
  if (rate.given) {
    if (!rate.value.isNumber()) {
      context.error(Code::ExpectedConstant, rate.span,
                    "`rate` is a number known at compile time, found " +
                        rate.value.describe());
      return {};
    }
    share = rate.value.asDouble();
    if (!(share >= 0 && share < 1)) {
      context
          .error(Code::ArgumentOutOfRange, rate.span,
                 "`rate` is the share that is dropped, from 0 to below 1, "
                 "found " +
                     rate.value.describe())
          .help("`dropout(x, 0.1)` keeps nine of ten elements");
      return {};
    }
  }
  const uint64_t place = siteOf(site.body); // the same in every mode
  if (mode != Mode::Train || share == 0)
    return Value::tensor(node);
  DType dtype = node->type.dtype;
  Node *mask =
      build.draw("dropout_mask", dtype, node->type.shape, place, share);
  Node *kept = build.binary("mul", build.cast(node, mask->type.dtype), mask);
  return Value::tensor(build.cast(kept, dtype));
}

Value Elaborator::builtinRandom(CallSite &site) {
  std::optional<Shape> shape = toShape(site.args[0].value, site.args[0].span);
  if (!shape)
    return {};
  const DType dtype = context.compute;
  auto uniform = [&] {
    return build.draw("random_uniform", dtype, *shape, siteOf(site.body), 0);
  };
  Node *first = uniform();
  if (site.call.callee.text == "random_uniform" && !isNarrow(dtype))
    return Value::tensor(first);
  const DType wide = first->type.dtype;
  auto number = [&](double value) {
    return build.constant(wide, *shape, value);
  };
  if (site.call.callee.text == "random_uniform") {
    // The largest of them would round to 1: a step of the type below it.
    double below = dtype == DType::BF16 ? 1 - 0x1p-8 : 1 - 0x1p-11;
    return Value::tensor(
        build.cast(build.binary("minimum", first, number(below)), dtype));
  }
  // Box and Muller, 1958; 1 - u is in (0, 1].
  Node *log = build.unary("log", build.binary("sub", number(1), first));
  Node *radius = build.unary("sqrt", build.binary("mul", number(-2), log));
  Node *angle = build.binary("mul", number(2 * std::numbers::pi), uniform());
  Node *normal = build.binary("mul", radius, build.unary("cos", angle));
  return Value::tensor(build.cast(normal, dtype));
}

} // namespace mlc::frontend
