//===- DotPlan.cpp - How a product is cut and what is packed --------------===//
//
// The numbers follow measurements (docs/performance.md). Register blocks: 6
// rows of 4 vectors with 32 registers, 6 of 2 with 16, more rows for fewer
// vectors, so that at least 8 accumulators hide the latency of a product.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Dot.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace mlc::cpu {

namespace {

// Rows of a unit that share one packed panel: packing costs some per cent then.
constexpr int64_t kUnitRows = 512;
// Panels of a unit that share packed rows.
constexpr int64_t kUnitPanels = 8;
// Tasks that have scratch memory of their own, and so the threads that such a
// product can use. More would be more cold memory.
constexpr int64_t kScratchTasks = 8;
// A block of the depth. Sums that wait for the next block cost more than a
// panel that is longer than the L1 cache, so it is cut only when it leaves L2.
constexpr int64_t kDepthBlock = 1024;
// Above this, reading columns of a panel where they lie misses the caches.
constexpr int64_t kUnpackedBytes = 512 * 1024;

int64_t countDims(RankedTensorType type, ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= type.getDimSize(dim);
  return count;
}

// Elements from one index of the innermost contracting dimension to the next.
int64_t depthStride(RankedTensorType type, ArrayRef<int64_t> contract) {
  return contract.empty()
             ? 1
             : countElements(type.getShape().drop_front(contract.back() + 1));
}

// A view of an argument, of a type that needs no conversion.
bool isPlain(Value value) {
  while (value.getDefiningOp<graph::ReshapeOp>() ||
         value.getDefiningOp<graph::TransposeOp>())
    value = value.getDefiningOp()->getOperand(0);
  Type element = typeOf(value).getElementType();
  return isa<BlockArgument>(value) && (element.isF32() || element.isF64());
}

void chooseBlock(DotPlan &plan, unsigned registers) {
  int64_t vectors = (plan.columns + plan.lanes - 1) / plan.lanes;
  bool many = registers >= 32;
  constexpr int64_t kRowsOf32[] = {16, 12, 8, 6}, kRowsOf16[] = {8, 6};
  plan.blockVectors = std::min<int64_t>(vectors, many ? 4 : 2);
  plan.blockRows = many ? kRowsOf32[plan.blockVectors - 1]
                        : kRowsOf16[plan.blockVectors - 1];
  plan.blockRows = std::min(plan.blockRows, plan.rows);
}

void choosePacking(Dot &dot, DotPlan &plan) {
  RankedTensorType lhs = typeOf(dot.op.getLhs()), rhs = typeOf(dot.op.getRhs());
  int64_t bytes = lhs.getElementTypeBitWidth() / 8;
  int64_t tiles = (plan.rows + plan.blockRows - 1) / plan.blockRows;

  // rhs: every tile of rows reads a panel anew.
  constexpr int64_t kGather = 24;
  int64_t across = dot.loadCost(false, false);
  int64_t along = plan.depth < plan.lanes ? across : dot.loadCost(false, true);
  int64_t footprint =
      plan.depth * depthStride(rhs, dot.op.getRhsContract()) * bytes;
  plan.rhsAlongDepth = along < across;
  bool slow = !isPlain(dot.op.getRhs()) || across >= kGather;
  plan.packRhs = (slow && (tiles >= 2 || plan.rhsAlongDepth)) ||
                 (footprint > kUnpackedBytes && tiles >= 4);

  // lhs: every panel reads the rows anew, one element at a time.
  int64_t stride = depthStride(lhs, dot.op.getLhsContract()) * bytes;
  bool strided = stride >= 2048 && plan.depth >= 256;
  plan.packLhs = isPlain(dot.op.getLhs()) ? strided && plan.panels() >= 2
                                          : plan.depth >= plan.lanes;
  plan.lhsAlongDepth = dot.loadCost(true, true) <= dot.loadCost(true, false);
}

void chooseUnits(DotPlan &plan) {
  int64_t tiles = (plan.rows + plan.blockRows - 1) / plan.blockRows;
  bool packs = plan.packLhs || plan.packRhs;
  plan.depthBlock = plan.depth;
  if (plan.depth > 2 * kDepthBlock && (packs || tiles >= 4)) {
    int64_t blocks = llvm::divideCeil(plan.depth, kDepthBlock);
    plan.depthBlock =
        llvm::alignTo(llvm::divideCeil(plan.depth, blocks), plan.lanes);
  }
  if (!packs && !plan.isDepthCut()) { // about a million operations in a unit
    int64_t flops = 2 * plan.blockRows * plan.width() * plan.depth;
    plan.unitPanels = 1;
    plan.unitRows =
        std::clamp<int64_t>(1000000 / flops, 1, tiles) * plan.blockRows;
    return;
  }
  // Whole vectors of rows, since they may be packed along the rows; and whole
  // register blocks, unless the rows end with the unit.
  int64_t rowBlocks = llvm::divideCeil(plan.rows, kUnitRows);
  int64_t step = rowBlocks > 1 ? std::lcm<int64_t>(plan.blockRows, plan.lanes)
                               : plan.lanes;
  plan.unitRows = llvm::alignTo(llvm::divideCeil(plan.rows, rowBlocks), step);
  // Enough units for some threads; packed rows are worth sharing.
  int64_t all = plan.batches * plan.rowBlocks() * plan.panels();
  plan.unitPanels = std::min(
      plan.panels(), std::clamp<int64_t>(all / kScratchTasks,
                                         plan.packLhs ? 4 : 1, kUnitPanels));
}

} // namespace

int64_t DotPlan::paddedDepth() const {
  return llvm::alignTo(depthBlock, lanes);
}
int64_t DotPlan::lhsStride() const {
  // One vector more, so that rows do not compete for the same cache sets.
  return paddedDepth() + lanes;
}
int64_t DotPlan::lhsElements() const {
  return packLhs ? lhsStride() * unitRows : 0;
}
int64_t DotPlan::rhsElements() const {
  return packRhs ? paddedDepth() * width() : 0;
}
int64_t DotPlan::sumElements() const {
  return isDepthCut() ? unitPanels * unitRows * width() : 0;
}

Dot::Dot(Lowering &lowering, graph::DotOp dotOp, ArrayRef<unsigned> results)
    : l(lowering), op(dotOp), which(results.begin(), results.end()) {
  RankedTensorType lhs = typeOf(op.getLhs()), rhs = typeOf(op.getRhs());
  bool wide = op.getType().getElementType().isF64();
  plan.lanes = wide ? l.k.target.lanes / 2 : l.k.target.lanes;
  plan.batches = countDims(lhs, op.getLhsBatch());
  plan.rows = countDims(lhs, op.getLhsFree());
  plan.columns = countDims(rhs, op.getRhsFree());
  plan.depth = countDims(lhs, op.getLhsContract());
  chooseBlock(plan, l.k.target.registers);
  choosePacking(*this, plan);
  chooseUnits(plan);
}

int64_t DotPlan::tasks() const {
  return scratchElements() > 0 ? std::min(units(), kScratchTasks) : units();
}

} // namespace mlc::cpu
