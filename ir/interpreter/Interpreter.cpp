//===- Interpreter.cpp - Evaluates functions, op by op --------------------===//

#include "ir/interpreter/Interpreter.h"
#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::interpreter {

/// One literal per device.
using PerDevice = std::vector<Literal>;

namespace {

/// [begin, end) of part `index` of `count` things cut into near-equal parts.
std::pair<int64_t, int64_t> partOf(int64_t count, int64_t parts,
                                   int64_t index) {
  return {count * index / parts, count * (index + 1) / parts};
}

graph::ReductionKind toGraph(dist::ReductionKind kind) {
  switch (kind) {
  case dist::ReductionKind::sum:
    return graph::ReductionKind::sum;
  case dist::ReductionKind::max:
    return graph::ReductionKind::max;
  case dist::ReductionKind::min:
    return graph::ReductionKind::min;
  }
  llvm_unreachable("covered above");
}

class Evaluator {
public:
  Evaluator(func::FuncOp f, Options o) : function(f), options(o) {
    f.walk([&](dist::MicrobatchLoopOp) { shapesAreLocal = true; });
  }

  FailureOr<std::vector<Literal>> run(ArrayRef<Literal> arguments);

private:
  LogicalResult bindArgument(BlockArgument argument, const Literal &value);
  FailureOr<Literal> gather(Value value, Location loc, unsigned index);
  LogicalResult runBlock(Block &block);
  LogicalResult runOp(Operation &op);
  LogicalResult runTensorOp(graph::ReferenceOpInterface op);
  LogicalResult runAllReduce(dist::AllReduceOp op);
  LogicalResult runScan(graph::ScanOp scan);
  LogicalResult runLoop(dist::MicrobatchLoopOp loop);
  FailureOr<std::vector<Literal>> sumMicrobatches(dist::MicrobatchLoopOp loop,
                                                  int64_t begin, int64_t end);
  FailureOr<std::vector<Literal>> runMicrobatch(dist::MicrobatchLoopOp loop,
                                                int64_t index);

  /// The type of `type`'s part on a device.
  RankedTensorType localType(Type type, int64_t device);
  int64_t firstDevice() const { return onlyDevice < 0 ? 0 : onlyDevice; }
  int64_t lastDevice() const {
    return onlyDevice < 0 ? options.devices : onlyDevice + 1;
  }
  graph::EvalOptions evalOptions() const { return {options.f64}; }

  func::FuncOp function;
  Options options;
  bool shapesAreLocal = false;
  /// Inside a loop, the device that runs its micro-batches; else -1, all do.
  int64_t onlyDevice = -1;
  DenseMap<Value, PerDevice> values;
};

RankedTensorType Evaluator::localType(Type type, int64_t device) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  dist::LayoutAttr layout = dist::LayoutAttr::of(type);
  for (int64_t dim = 0; layout && !shapesAreLocal && dim < tensor.getRank();
       ++dim) {
    if (layout.getAxes(dim).empty())
      continue;
    auto [begin, end] = partOf(shape[dim], options.devices, device);
    shape[dim] = end - begin;
  }
  return RankedTensorType::get(shape, tensor.getElementType());
}

LogicalResult Evaluator::bindArgument(BlockArgument argument,
                                      const Literal &value) {
  auto type = cast<RankedTensorType>(argument.getType());
  dist::LayoutAttr layout = dist::LayoutAttr::of(type);
  // Rows that nothing reads leave open of which phase a program without a loop
  // is.
  bool isUnread = argument.use_empty();
  bool isRows = (shapesAreLocal || isUnread) && layout && layout.isSharded();
  SmallVector<int64_t> expected(type.getShape());
  if (isRows && value.getType() && value.getRank() == type.getRank() &&
      value.getShape()[0] % expected[0] == 0)
    expected[0] = value.getShape()[0];
  if (!value.getType() ||
      value.getType() != RankedTensorType::get(expected, type.getElementType()))
    return function.emitError("argument #")
           << argument.getArgNumber() << " is " << type << " but its value is "
           << value.getType();
  PerDevice &parts = values[argument];
  for (int64_t device = 0; device < options.devices; ++device) {
    Literal part = value;
    for (int64_t dim = 0;
         layout && !shapesAreLocal && !isUnread && dim < type.getRank();
         ++dim) {
      if (layout.getAxes(dim).empty())
        continue;
      auto [begin, end] = partOf(type.getDimSize(dim), options.devices, device);
      if (begin == end)
        return function.emitError("argument #")
               << argument.getArgNumber() << " has " << type.getDimSize(dim)
               << " rows for " << options.devices << " devices";
      part = part.slice(dim, begin, end);
    }
    parts.push_back(std::move(part));
  }
  return success();
}

FailureOr<Literal> Evaluator::gather(Value value, Location loc,
                                     unsigned index) {
  PerDevice &parts = values[value];
  dist::LayoutAttr layout = dist::LayoutAttr::of(value);
  if (layout && layout.isPartial() && options.devices > 1)
    return emitError(loc) << "result #" << index
                          << " is still partial; it needs an all_reduce";
  for (int64_t dim = 0; layout && dim < layout.getRank(); ++dim)
    if (!layout.getAxes(dim).empty())
      return Literal::concat(parts, dim);
  for (int64_t device = 1; device < options.devices; ++device)
    if (!parts[device].identical(parts[0]))
      return emitError(loc) << "result #" << index << " on device " << device
                            << " differs from device 0";
  return parts[0];
}

LogicalResult Evaluator::runTensorOp(graph::ReferenceOpInterface op) {
  for (Value result : op->getResults())
    values[result].resize(options.devices);
  for (int64_t device = firstDevice(); device < lastDevice(); ++device) {
    SmallVector<const Literal *> operands;
    for (Value operand : op->getOperands())
      operands.push_back(&values.find(operand)->second[device]);
    SmallVector<Literal> results;
    for (Type type : op->getResultTypes())
      results.emplace_back(localType(type, device));
    if (failed(op.evaluate(operands, results, evalOptions())))
      return failure();
    for (auto [result, literal] : llvm::zip_equal(op->getResults(), results)) {
      if (literal.getType() != localType(result.getType(), device))
        return op->emitOpError("gives ")
               << literal.getType() << " on device " << device << ", not "
               << localType(result.getType(), device);
      values[result][device] = std::move(literal);
    }
  }
  return success();
}

LogicalResult Evaluator::runScan(graph::ScanOp scan) {
  auto count = static_cast<int64_t>(scan.getCount());
  auto set = [&](Value value, int64_t device, Literal literal) {
    PerDevice &parts = values[value];
    parts.resize(options.devices);
    parts[device] = std::move(literal);
  };
  auto get = [&](Value value, int64_t device) -> const Literal & {
    return values.find(value)->second[device];
  };
  for (int64_t device = firstDevice(); device < lastDevice(); ++device) {
    for (auto [argument, value] :
         llvm::zip_equal(scan.getCarryArguments(), scan.getInits()))
      set(argument, device, get(value, device));
    for (auto [argument, value] :
         llvm::zip_equal(scan.getSameArguments(), scan.getSame()))
      set(argument, device, get(value, device));
    for (Value stacked : scan.getStacked())
      set(stacked, device, Literal(localType(stacked.getType(), device)));
  }
  for (int64_t step = 0; step < count; ++step) {
    int64_t index = scan.getReverse() ? count - 1 - step : step;
    for (int64_t device = firstDevice(); device < lastDevice(); ++device)
      for (auto [argument, sequence] :
           llvm::zip_equal(scan.getSliceArguments(), scan.getSequences()))
        set(argument, device, get(sequence, device).sliceAt(index));
    if (failed(runBlock(scan.getBody().front())))
      return failure();
    for (int64_t device = firstDevice(); device < lastDevice(); ++device) {
      for (auto [stacked, value] :
           llvm::zip_equal(scan.getStacked(), scan.getYieldedSlices()))
        values[stacked][device].setSlice(index, get(value, device));
      SmallVector<Literal> next;
      for (Value value :
           scan.getYield().getValues().take_front(scan.getNumCarries()))
        next.push_back(get(value, device));
      for (auto [argument, literal] :
           llvm::zip_equal(scan.getCarryArguments(), next))
        set(argument, device, std::move(literal));
    }
  }
  for (int64_t device = firstDevice(); device < lastDevice(); ++device)
    for (auto [result, argument] :
         llvm::zip_equal(scan.getFinals(), scan.getCarryArguments()))
      set(result, device, get(argument, device));
  return success();
}

/// Combines `parts` in the order of the range-halving tree.
Literal combineTree(graph::ReductionKind kind, ArrayRef<Literal> parts,
                    graph::EvalOptions options) {
  if (parts.size() == 1)
    return parts[0];
  size_t half = parts.size() / 2;
  return graph::combine(
      kind, combineTree(kind, parts.take_front(half), options),
      combineTree(kind, parts.drop_front(half), options), options);
}

LogicalResult Evaluator::runAllReduce(dist::AllReduceOp op) {
  for (auto [operand, result] :
       llvm::zip_equal(op.getOperands(), op.getResults())) {
    Literal whole =
        combineTree(toGraph(op.getKind()), values[operand], evalOptions());
    values[result].assign(options.devices, whole);
  }
  return success();
}

/// How a value's micro-batches combine.
static graph::ReductionKind loopKind(Value value) {
  dist::LayoutAttr layout = dist::LayoutAttr::of(value);
  if (layout && !layout.getPartialMax().empty())
    return graph::ReductionKind::max;
  if (layout && !layout.getPartialMin().empty())
    return graph::ReductionKind::min;
  return graph::ReductionKind::sum;
}

FailureOr<std::vector<Literal>>
Evaluator::runMicrobatch(dist::MicrobatchLoopOp loop, int64_t index) {
  Block &body = loop.getBody().front();
  for (auto [argument, input] :
       llvm::zip_equal(body.getArguments(), loop.getInputs())) {
    int64_t rows = cast<RankedTensorType>(argument.getType()).getDimSize(0);
    PerDevice &parts = values[argument];
    parts.resize(options.devices);
    parts[onlyDevice] = values.find(input)->second[onlyDevice].slice(
        0, index * rows, (index + 1) * rows);
  }
  if (failed(runBlock(body)))
    return failure();
  std::vector<Literal> yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(values[value][onlyDevice]);
  return yielded;
}

FailureOr<std::vector<Literal>>
Evaluator::sumMicrobatches(dist::MicrobatchLoopOp loop, int64_t begin,
                           int64_t end) {
  if (end - begin == 1)
    return runMicrobatch(loop, begin);
  int64_t middle = begin + (end - begin) / 2;
  auto left = sumMicrobatches(loop, begin, middle);
  if (failed(left))
    return failure();
  auto right = sumMicrobatches(loop, middle, end);
  if (failed(right))
    return failure();
  for (auto [index, result] : llvm::enumerate(loop.getResults()))
    (*left)[index] = graph::combine(loopKind(result), (*left)[index],
                                    (*right)[index], evalOptions());
  return left;
}

LogicalResult Evaluator::runLoop(dist::MicrobatchLoopOp loop) {
  if (loop.getInputs().empty())
    return loop.emitOpError("has no input to count micro-batches by");
  int64_t microbatches = 0;
  for (auto [index, input] : llvm::enumerate(loop.getInputs())) {
    int64_t rows = cast<RankedTensorType>(input.getType()).getDimSize(0);
    int64_t own = values[input][0].getShape()[0] / rows;
    if (index > 0 && own != microbatches)
      return loop.emitOpError("has ")
             << microbatches << " micro-batches of "
             << "input #0 but " << own << " of input #" << index;
    microbatches = own;
  }
  if (microbatches < options.devices)
    return loop.emitOpError("has ") << microbatches << " micro-batches for "
                                    << options.devices << " devices";
  for (Value result : loop.getResults())
    values[result].resize(options.devices);
  for (int64_t device = 0; device < options.devices; ++device) {
    onlyDevice = device;
    auto [begin, end] = partOf(microbatches, options.devices, device);
    auto sums = sumMicrobatches(loop, begin, end);
    onlyDevice = -1;
    if (failed(sums))
      return failure();
    for (auto [result, sum] : llvm::zip_equal(loop.getResults(), *sums))
      values[result][device] = std::move(sum);
  }
  return success();
}

LogicalResult Evaluator::runOp(Operation &op) {
  if (auto tensorOp = dyn_cast<graph::ReferenceOpInterface>(op))
    return runTensorOp(tensorOp);
  if (auto reduce = dyn_cast<dist::AllReduceOp>(op))
    return runAllReduce(reduce);
  if (auto scan = dyn_cast<graph::ScanOp>(op))
    return runScan(scan);
  if (auto loop = dyn_cast<dist::MicrobatchLoopOp>(op))
    return runLoop(loop);
  if (op.hasTrait<OpTrait::IsTerminator>())
    return success();
  return op.emitOpError("has no reference evaluation");
}

LogicalResult Evaluator::runBlock(Block &block) {
  for (Operation &op : block)
    if (failed(runOp(op)))
      return failure();
  return success();
}

FailureOr<std::vector<Literal>> Evaluator::run(ArrayRef<Literal> arguments) {
  if (function.isExternal())
    return function.emitError("has no body to evaluate");
  if (options.devices < 1)
    return function.emitError("needs at least one device");
  if (arguments.size() != function.getNumArguments())
    return function.emitError("has ")
           << function.getNumArguments() << " arguments but got "
           << arguments.size() << " values";
  for (auto [argument, value] :
       llvm::zip_equal(function.getArguments(), arguments))
    if (failed(bindArgument(argument, value)))
      return failure();
  Block &body = function.getBody().front();
  if (failed(runBlock(body)))
    return failure();
  std::vector<Literal> results;
  Operation *terminator = body.getTerminator();
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    FailureOr<Literal> whole = gather(value, terminator->getLoc(), index);
    if (failed(whole))
      return failure();
    results.push_back(std::move(*whole));
  }
  return results;
}

} // namespace

FailureOr<std::vector<Literal>>
evaluate(func::FuncOp function, ArrayRef<Literal> arguments, Options options) {
  return Evaluator(function, options).run(arguments);
}

} // namespace mlc::interpreter
