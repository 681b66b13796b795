//===- CheckCollectiveOrder.cpp - One order of collectives on all ranks ---===//
//
// A program is one list of ops without jumps, the same for every rank, so all
// ranks issue the same collectives in the order of the text, unless a
// collective stands inside a region: a rank may enter it another number of
// times than its peers (ranks have different numbers of micro-batches). Such a
// collective is an error.
//
//   dist.all_reduce sum %a over ["data"]
// becomes
//   dist.all_reduce sum %a over ["data"] {id = 0 : i64}
//
// Numbers count over all functions of the module; one that is there must agree.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/DistDialect.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlc {

#define GEN_PASS_DEF_CHECKCOLLECTIVEORDER
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;

struct CheckCollectiveOrder
    : impl::CheckCollectiveOrderBase<CheckCollectiveOrder> {
  using CheckCollectiveOrderBase::CheckCollectiveOrderBase;

  void runOnOperation() override {
    int64_t next = 0;
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      WalkResult walk = func.walk([&](dist::AllReduceOp op) -> WalkResult {
        return number(func, op, next++);
      });
      if (walk.wasInterrupted())
        return signalPassFailure();
    }
  }

  static LogicalResult number(func::FuncOp func, dist::AllReduceOp op,
                              int64_t id) {
    if (op->getParentOp() != func) {
      InFlightDiagnostic diag =
          op.emitOpError("is in a region that ranks may enter a different "
                         "number of times, so its order is not the same on "
                         "all ranks");
      diag.attachNote(op->getParentOp()->getLoc()) << "the region is here";
      return diag;
    }
    if (op.getId() && *op.getId() != static_cast<uint64_t>(id))
      return op.emitOpError("has id ")
             << *op.getId() << " but is number " << id << " in issue order";
    op.setId(id);
    return success();
  }
};

} // namespace
} // namespace mlc
