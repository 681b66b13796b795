//===- HoistFromLoops.cpp - Products that need no carried value -----------===//
//
//   %ys = graph.scan 28 over(%x = %xs) same(%w = %w0) {
//     %p = graph.dot %x, %w contract = [1] x [0] ... }
// becomes
//   %ps = graph.dot %xs, %w0 contract = [2] x [0]
//   %ys = graph.scan 28 over(%p = %ps) { ... }
//
// One large product instead of one in every iteration, in both directions: its
// gradient is outside of the loop, too. Only products of a slice with a value
// that stays the same, whose free dimensions come first, so that the iterations
// stay dimension 0. After Appleyard et al., "Optimizing Performance of
// Recurrent Neural Networks on GPUs", 2016, section 3.2.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"
#include "passes/Passes.h"

using namespace mlir;

namespace mlc {

#define GEN_PASS_DEF_GRAPHHOISTFROMLOOPS
#include "passes/Passes.h.inc"

namespace {

/// The index of `value` in `arguments`, or -1.
int64_t indexIn(Block::BlockArgListType arguments, Value value) {
  auto found = llvm::find(arguments, value);
  return found == arguments.end() ? -1 : found - arguments.begin();
}

/// The product of all slices, before the loop; null where `dot` has to stay.
Value hoist(graph::ScanOp scan, graph::DotOp dot) {
  int64_t slice = indexIn(scan.getSliceArguments(), dot.getLhs());
  int64_t same = indexIn(scan.getSameArguments(), dot.getRhs());
  if (slice < 0 || same < 0 || !dot.getLhsBatch().empty())
    return {};
  SmallVector<int64_t> contract;
  for (int64_t dim : dot.getLhsContract())
    contract.push_back(dim + 1);
  OpBuilder builder(scan);
  return graph::DotOp::create(
      builder, dot.getLoc(), scan.getSequences()[slice], scan.getSame()[same],
      ArrayRef<int64_t>(), ArrayRef<int64_t>(), contract, dot.getRhsContract());
}

void hoistFrom(graph::ScanOp scan) {
  Block &body = scan.getBody().front();
  unsigned place = scan.getNumCarries() + scan.getSequences().size();
  for (auto dot : llvm::make_early_inc_range(body.getOps<graph::DotOp>()))
    if (Value products = hoist(scan, dot)) {
      scan.getSequencesMutable().append(products);
      Value slice = body.insertArgument(
          place++, graph::sliceType(products.getType()), dot.getLoc());
      dot.replaceAllUsesWith(slice);
      dot.erase();
    }
  // Operands that nothing reads any more.
  for (unsigned i = scan->getNumOperands(); i-- > scan.getNumCarries();)
    if (body.getArgument(i).use_empty()) {
      unsigned sequences = scan.getSequences().size() + scan.getNumCarries();
      if (i < sequences)
        scan.getSequencesMutable().erase(i - scan.getNumCarries());
      else
        scan.getSameMutable().erase(i - sequences);
      body.eraseArgument(i);
    }
}

struct GraphHoistFromLoops
    : impl::GraphHoistFromLoopsBase<GraphHoistFromLoops> {
  void runOnOperation() override {
    getOperation()->walk([](graph::ScanOp scan) { hoistFrom(scan); });
  }
};

} // namespace
} // namespace mlc
