//===- GraphWindowOps.cpp - What is known of the ops with a window --------===//
//
// Everything but the reference evaluation, which is GraphWindowEvaluate.cpp.
// Labels (C1), (C2), ... are those of the descriptions in the .td file.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphWindowOps.h"

#include "ir/graph/OpFactory.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "ir/graph/GraphWindowOps.cpp.inc"

namespace mlc::graph {

using Cotangents = SmallVectorImpl<Value>;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static std::string spell(ArrayRef<int64_t> numbers) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(numbers, os);
  os << ']';
  return text;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

WindowDim WindowDim::transposed() const {
  WindowDim back;
  back.input = places();
  back.window = window;
  back.stride = inputDilation;
  back.inputDilation = stride;
  back.windowDilation = windowDilation;
  back.low = reach() - 1 - low;
  back.high = (input - 1) * inputDilation + reach() -
              ((back.input - 1) * stride + 1) - back.low;
  return back;
}

static Window transposed(const Window &window) {
  return llvm::map_to_vector<2>(
      window, [](const WindowDim &dim) { return dim.transposed(); });
}

int64_t countTaps(const Window &window) {
  int64_t count = 1;
  for (const WindowDim &dim : window) {
    int64_t here = 0;
    for (int64_t place = 0; place < dim.places(); ++place)
      for (int64_t tap = 0; tap < dim.window; ++tap)
        here += dim.elementAt(place, tap).has_value();
    count *= here;
  }
  return count;
}

/// The window of an op whose lists have the right lengths.
template <typename Op>
static Window makeWindow(Op op, ArrayRef<int64_t> input,
                         ArrayRef<int64_t> extents) {
  Window window;
  for (size_t i = 0; i < extents.size(); ++i)
    window.push_back({input[i], extents[i], op.getStrides()[i], op.getLow()[i],
                      op.getHigh()[i], op.getInputDilation()[i],
                      op.getWindowDilation()[i]});
  return window;
}

Window ConvOp::getWindow() {
  return makeWindow(*this, shapeOf(getInput()).drop_front(2),
                    shapeOf(getKernel()).drop_front(2));
}
Window ConvKernelGradOp::getWindow() {
  return makeWindow(*this, shapeOf(getInput()).drop_front(2),
                    shapeOf(getDkernel()).drop_front(2));
}
Window SumPoolOp::getWindow() {
  return makeWindow(*this, shapeOf(getInput()).drop_front(2), getExtents());
}
Window MaxPoolOp::getWindow() {
  return makeWindow(*this, shapeOf(getKeys()).drop_front(2), getExtents());
}
Window MaxPoolGradOp::getWindow() {
  return makeWindow(*this, shapeOf(getKeys()).drop_front(2), getExtents());
}

static SmallVector<int64_t> placesOf(const Window &window) {
  return llvm::map_to_vector(window,
                             [](const WindowDim &dim) { return dim.places(); });
}

/// The shape with `batch` and `channels` in front of the window's places.
static SmallVector<int64_t> resultShape(int64_t batch, int64_t channels,
                                        const Window &window) {
  SmallVector<int64_t> shape{batch, channels};
  llvm::append_range(shape, placesOf(window));
  return shape;
}

//===----------------------------------------------------------------------===//
// Builders
//===----------------------------------------------------------------------===//

/// Adds the attributes of the window; `extents` too where the op has them.
template <typename Op>
static void addWindow(OpBuilder &b, OperationState &state,
                      const Window &window) {
  auto list = [&](int64_t WindowDim::*field) {
    return b.getDenseI64ArrayAttr(llvm::map_to_vector(
        window, [&](const WindowDim &dim) { return dim.*field; }));
  };
  auto &properties = state.getOrAddProperties<typename Op::Properties>();
  properties.strides = list(&WindowDim::stride);
  properties.low = list(&WindowDim::low);
  properties.high = list(&WindowDim::high);
  properties.inputDilation = list(&WindowDim::inputDilation);
  properties.windowDilation = list(&WindowDim::windowDilation);
  if constexpr (requires { properties.extents; })
    properties.extents = list(&WindowDim::window);
}

void ConvOp::build(OpBuilder &b, OperationState &state, Value input,
                   Value kernel, const Window &window, int64_t groups,
                   bool transposed) {
  ArrayRef<int64_t> kernelShape = shapeOf(kernel);
  int64_t channels = transposed ? kernelShape[1] * groups : kernelShape[0];
  state.addOperands({input, kernel});
  addWindow<ConvOp>(b, state, window);
  auto &properties = state.getOrAddProperties<Properties>();
  properties.groups = b.getI64IntegerAttr(groups);
  if (transposed)
    properties.transposed = b.getUnitAttr();
  state.addTypes(withShape(input.getType(),
                           resultShape(shapeOf(input)[0], channels, window)));
}

void ConvKernelGradOp::build(OpBuilder &b, OperationState &state, Value input,
                             Value dresult, const Window &window,
                             int64_t groups) {
  SmallVector<int64_t> shape{shapeOf(dresult)[1], shapeOf(input)[1] / groups};
  for (const WindowDim &dim : window)
    shape.push_back(dim.window);
  state.addOperands({input, dresult});
  addWindow<ConvKernelGradOp>(b, state, window);
  state.getOrAddProperties<Properties>().groups = b.getI64IntegerAttr(groups);
  state.addTypes(withShape(input.getType(), shape));
}

void SumPoolOp::build(OpBuilder &b, OperationState &state, Value input,
                      const Window &window) {
  state.addOperands(input);
  addWindow<SumPoolOp>(b, state, window);
  ArrayRef<int64_t> shape = shapeOf(input);
  state.addTypes(
      withShape(input.getType(), resultShape(shape[0], shape[1], window)));
}

void MaxPoolOp::build(OpBuilder &b, OperationState &state, Value keys,
                      Value values, const Window &window) {
  state.addOperands({keys, values});
  addWindow<MaxPoolOp>(b, state, window);
  ArrayRef<int64_t> shape = shapeOf(keys);
  state.addTypes(
      withShape(keys.getType(), resultShape(shape[0], shape[1], window)));
}

void MaxPoolGradOp::build(OpBuilder &b, OperationState &state, Value keys,
                          Value dresult, const Window &window) {
  state.addOperands({keys, dresult});
  addWindow<MaxPoolGradOp>(b, state, window);
  state.addTypes(keys.getType());
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

/// The tensors have one rank, 3 or 4.
static LogicalResult verifyRanks(Operation *op, TypeRange types) {
  int64_t rank = cast<RankedTensorType>(types[0]).getRank();
  for (Type type : types)
    if (int64_t other = cast<RankedTensorType>(type).getRank();
        other != rank || rank < 3 || rank > 4)
      return op->emitOpError("has tensors of rank ")
             << rank << " and " << other
             << "; they have a batch, channels and one or two spatial "
                "dimensions";
  return success();
}

/// `extents` is empty where the op has none of its own.
template <typename Op>
static LogicalResult verifyLists(Op op, size_t spatial,
                                 std::optional<ArrayRef<int64_t>> extents) {
  struct List {
    const char *name;
    ArrayRef<int64_t> numbers;
    bool positive;
  };
  SmallVector<List> lists = {{"strides", op.getStrides(), true},
                             {"low", op.getLow(), false},
                             {"high", op.getHigh(), false},
                             {"input dilation", op.getInputDilation(), true},
                             {"window dilation", op.getWindowDilation(), true}};
  if (extents)
    lists.push_back({"window", *extents, true});
  for (const List &list : lists) {
    if (list.numbers.size() != spatial)
      return op.emitOpError("has ")
             << list.name << " " << spell(list.numbers) << " for " << spatial
             << " spatial dimensions";
    if (list.positive &&
        llvm::any_of(list.numbers, [](int64_t n) { return n < 1; }))
      return op.emitOpError("has ") << list.name << " " << spell(list.numbers)
                                    << "; they are at least 1";
  }
  return success();
}

static LogicalResult verifyFits(Operation *op, const Window &window) {
  for (auto [i, dim] : llvm::enumerate(window))
    if (dim.places() < 1)
      return op->emitOpError("has a window of ")
             << dim.reach() << " elements over " << dim.paddedInput()
             << " along spatial dimension " << i << ", padding included";
  return success();
}

static LogicalResult verifyShape(Operation *op, StringRef what, Value value,
                                 ArrayRef<int64_t> expected) {
  if (shapeOf(value) == expected)
    return success();
  return op->emitOpError("has ")
         << what << " of shape " << spell(shapeOf(value)) << " but gives "
         << spell(expected);
}

/// What all pools share; `pooled` has one element per place.
template <typename Op>
static LogicalResult verifyPool(Op op, Value input, Value pooled,
                                StringRef what) {
  if (failed(verifyRanks(op, {input.getType(), pooled.getType()}))) // (C2)
    return failure();
  ArrayRef<int64_t> shape = shapeOf(input);
  if (failed(verifyLists(op, shape.size() - 2, op.getExtents()))) // (C3)
    return failure();
  Window window = op.getWindow();
  if (failed(verifyFits(op, window))) // (C4)
    return failure();
  return verifyShape(op, what, pooled, // (C5)
                     resultShape(shape[0], shape[1], window));
}

/// Of a maximum: no window lies in the padding alone, and no zeros between the
/// elements take part.
static LogicalResult verifyMeets(Operation *op, const Window &window) {
  for (auto [i, dim] : llvm::enumerate(window)) {
    if (dim.inputDilation != 1) // (C7)
      return op->emitOpError("has input dilation ")
             << dim.inputDilation << "; a maximum has none";
    for (int64_t place = 0; place < dim.places(); ++place) {
      bool meets = false;
      for (int64_t tap = 0; tap < dim.window; ++tap)
        meets |= dim.elementAt(place, tap).has_value();
      if (!meets) // (C4)
        return op->emitOpError("has no element under the window at place ")
               << place << " of spatial dimension " << i;
    }
  }
  return success();
}

/// `kernel` is the shape of an untransposed kernel.
static LogicalResult verifyGroups(Operation *op, int64_t groups,
                                  int64_t inputChannels, int64_t outputChannels,
                                  int64_t ofGroup) {
  if (groups < 1 || inputChannels % groups != 0 || outputChannels % groups != 0)
    return op->emitOpError("has ")
           << groups << " groups, which do not divide " << inputChannels
           << " channels of the input and " << outputChannels
           << " of the result";
  if (inputChannels != ofGroup * groups)
    return op->emitOpError("has a kernel for ")
           << ofGroup << " channels in each of " << groups
           << " groups, and an input of " << inputChannels;
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifyRanks(*this, {getInput().getType(), getKernel().getType(),
                                 getType()}))) // (C2)
    return failure();
  ArrayRef<int64_t> input = shapeOf(getInput()), kernel = shapeOf(getKernel());
  if (failed(verifyLists(*this, input.size() - 2, std::nullopt))) // (C3)
    return failure();
  int64_t groups = getGroups();
  int64_t channels = getTransposed() ? kernel[1] * groups : kernel[0];
  // A transposed kernel has the channels of the input first, of all groups.
  bool whole = !getTransposed() || (groups >= 1 && kernel[0] % groups == 0);
  int64_t ofGroup = !getTransposed()       ? kernel[1]
                    : whole && groups >= 1 ? kernel[0] / groups
                                           : 0;
  if (failed(verifyGroups(*this, groups, input[1], channels, ofGroup))) // (C4)
    return failure();
  Window window = getWindow();
  if (failed(verifyFits(*this, window))) // (C5)
    return failure();
  return verifyShape(*this, "a result", getResult(), // (C6)
                     resultShape(input[0], channels, window));
}

LogicalResult ConvKernelGradOp::verify() {
  if (failed(verifyRanks(*this, {getInput().getType(), getDresult().getType(),
                                 getType()}))) // (C2)
    return failure();
  ArrayRef<int64_t> input = shapeOf(getInput());
  if (failed(verifyLists(*this, input.size() - 2, std::nullopt))) // (C3)
    return failure();
  ArrayRef<int64_t> kernel = shapeOf(getDkernel());
  if (failed(verifyGroups(*this, getGroups(), input[1],
                          shapeOf(getDresult())[1],
                          kernel[1]))) // (C4)
    return failure();
  Window window = getWindow();
  if (failed(verifyFits(*this, window))) // (C5)
    return failure();
  return verifyShape(*this, "a cotangent", getDresult(), // (C6)
                     resultShape(input[0], kernel[0], window));
}

LogicalResult SumPoolOp::verify() {
  return verifyPool(*this, getInput(), getResult(), "a result"); // (C2) to (C5)
}

LogicalResult MaxPoolOp::verify() {
  if (failed(verifyPool(*this, getKeys(), getResult(),
                        "a result")) ||        // (C2) to (C5)
      failed(verifyMeets(*this, getWindow()))) // (C4), (C7)
    return failure();
  return verifyShape(*this, "values", getValues(), shapeOf(getKeys())); // (C6)
}

LogicalResult MaxPoolGradOp::verify() {
  if (failed(verifyPool(*this, getKeys(), getDresult(),
                        "a cotangent")) ||     // (C2) to (C5)
      failed(verifyMeets(*this, getWindow()))) // (C4), (C7)
    return failure();
  return verifyShape(*this, "a result", getDvalues(),
                     shapeOf(getKeys())); // (C6)
}

//===----------------------------------------------------------------------===//
// Sharding: batch and channels; the spatial dimensions stay whole
//===----------------------------------------------------------------------===//

static ShardingRule emptyRule(Operation *op, PartialRule partial) {
  ShardingRule rule;
  rule.partial = partial;
  for (Value operand : op->getOperands())
    rule.operandFactors.emplace_back(shapeOf(operand).size(),
                                     ShardingRule::kNoFactor);
  for (Value result : op->getResults())
    rule.resultFactors.emplace_back(shapeOf(result).size(),
                                    ShardingRule::kNoFactor);
  return rule;
}

ShardingRule ConvOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::bilinear);
  ArrayRef<int64_t> input = shapeOf(getInput()), result = shapeOf(getResult());
  rule.operandFactors[0][0] = rule.resultFactors[0][0] =
      rule.addFactor(FactorKind::parallel, input[0]);
  if (getGroups() != 1)
    return rule;
  int64_t in = getTransposed() ? 0 : 1; // of the kernel
  rule.operandFactors[1][1 - in] = rule.resultFactors[0][1] =
      rule.addFactor(FactorKind::parallel, result[1]);
  rule.operandFactors[0][1] = rule.operandFactors[1][in] =
      rule.addFactor(FactorKind::sum, input[1]);
  return rule;
}

ShardingRule ConvKernelGradOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::bilinear);
  ArrayRef<int64_t> input = shapeOf(getInput()), kernel = shapeOf(getDkernel());
  rule.operandFactors[0][0] = rule.operandFactors[1][0] =
      rule.addFactor(FactorKind::sum, input[0]);
  if (getGroups() != 1)
    return rule;
  rule.operandFactors[1][1] = rule.resultFactors[0][0] =
      rule.addFactor(FactorKind::parallel, kernel[0]);
  rule.operandFactors[0][1] = rule.resultFactors[0][1] =
      rule.addFactor(FactorKind::parallel, input[1]);
  return rule;
}

static ShardingRule poolRule(Operation *op, PartialRule partial) {
  ShardingRule rule = emptyRule(op, partial);
  for (int64_t dim : {0, 1}) {
    int64_t factor =
        rule.addFactor(FactorKind::parallel, shapeOf(op->getOperand(0))[dim]);
    for (auto *list : {&rule.operandFactors, &rule.resultFactors})
      for (auto &factors : *list)
        factors[dim] = factor;
  }
  return rule;
}

ShardingRule SumPoolOp::getShardingRule() {
  return poolRule(*this, PartialRule::linear);
}
ShardingRule MaxPoolOp::getShardingRule() {
  return poolRule(*this, PartialRule::none);
}
ShardingRule MaxPoolGradOp::getShardingRule() {
  return poolRule(*this, PartialRule::none);
}

//===----------------------------------------------------------------------===//
// Cost and fusion
//===----------------------------------------------------------------------===//

int64_t ConvOp::getFlops() {
  ArrayRef<int64_t> input = shapeOf(getInput());
  return 2 * input[0] * input[1] / getGroups() * shapeOf(getResult())[1] *
         countTaps(getWindow());
}
int64_t ConvKernelGradOp::getFlops() {
  ArrayRef<int64_t> input = shapeOf(getInput());
  return 2 * input[0] * input[1] / getGroups() * shapeOf(getDresult())[1] *
         countTaps(getWindow());
}

/// One per element that a window meets.
static int64_t poolFlops(Value input, const Window &window) {
  return shapeOf(input)[0] * shapeOf(input)[1] * countTaps(window);
}
int64_t SumPoolOp::getFlops() { return poolFlops(getInput(), getWindow()); }
int64_t MaxPoolOp::getFlops() { return poolFlops(getKeys(), getWindow()); }
int64_t MaxPoolGradOp::getFlops() {
  return 2 * poolFlops(getKeys(), getWindow());
}

bool ConvOp::acceptsEpilogue() { return true; }
bool SumPoolOp::acceptsEpilogue() { return true; }
bool MaxPoolOp::acceptsEpilogue() { return true; }
bool MaxPoolGradOp::acceptsEpilogue() { return true; }

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

// The result is linear in the input and in the kernel. A transposed convolution
// of x is the gradient of one whose result x is: there input and cotangent
// change places.
LogicalResult ConvOp::buildGradient(OpBuilder &b, ValueRange ct,
                                    Cotangents &out) {
  Window window = getWindow(), back = transposed(window);
  bool isTransposed = getTransposed();
  int64_t groups = getGroups();
  Value toInput = ConvOp::create(b, getLoc(), ct[0], getKernel(), back, groups,
                                 !isTransposed);
  Value toKernel = isTransposed
                       ? ConvKernelGradOp::create(b, getLoc(), ct[0],
                                                  getInput(), back, groups)
                       : ConvKernelGradOp::create(b, getLoc(), getInput(),
                                                  ct[0], window, groups);
  out.assign({toInput, toKernel});
  return success();
}

LogicalResult ConvKernelGradOp::buildGradient(OpBuilder &b, ValueRange ct,
                                              Cotangents &out) {
  Window window = getWindow();
  int64_t groups = getGroups();
  out.assign({ConvOp::create(b, getLoc(), getDresult(), ct[0],
                             transposed(window), groups, /*transposed=*/true),
              ConvOp::create(b, getLoc(), getInput(), ct[0], window, groups)});
  return success();
}

LogicalResult SumPoolOp::buildGradient(OpBuilder &b, ValueRange ct,
                                       Cotangents &out) {
  out.assign({SumPoolOp::create(b, getLoc(), ct[0], transposed(getWindow()))});
  return success();
}

LogicalResult MaxPoolOp::buildGradient(OpBuilder &b, ValueRange ct,
                                       Cotangents &out) {
  out.assign({Value(), MaxPoolGradOp::create(b, getLoc(), getKeys(), ct[0],
                                             getWindow())});
  return success();
}

LogicalResult MaxPoolGradOp::buildGradient(OpBuilder &b, ValueRange ct,
                                           Cotangents &out) {
  out.assign(
      {Value(), MaxPoolOp::create(b, getLoc(), getKeys(), ct[0], getWindow())});
  return success();
}

} // namespace mlc::graph
