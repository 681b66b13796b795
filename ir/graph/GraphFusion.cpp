//===- GraphFusion.cpp - What the graph ops do in a fusion group ----------===//

#include "ir/graph/GraphOps.h"

using namespace mlir;

namespace mlc::graph {

FusionRole ConstantOp::getFusionRole() {
  return getValue().isSplat() ? FusionRole::Immediate : FusionRole::Constant;
}
FusionRole BroadcastOp::getFusionRole() { return FusionRole::Copied; }
FusionRole ReshapeOp::getFusionRole() { return FusionRole::View; }

// Each element is read once.
bool ReduceOp::acceptsPrologue() { return true; }
bool ArgReduceOp::acceptsPrologue() { return true; }

bool ReduceOp::acceptsEpilogue() { return true; }
bool ArgReduceOp::acceptsEpilogue() { return true; }
bool DotOp::acceptsEpilogue() { return true; }

// Both need the maximum of each row and the sum of its exponentials.
bool SoftmaxCrossEntropyGradOp::sharesWorkWith(Operation *other) {
  auto loss = dyn_cast<SoftmaxCrossEntropyOp>(other);
  return loss && loss.getLogits() == getLogits() &&
         loss.getLabels() == getLabels();
}

} // namespace mlc::graph
