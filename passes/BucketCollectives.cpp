//===- BucketCollectives.cpp - Merge small all-reduces --------------------===//
//
// Merges all-reduces of one kind and element type over the same mesh axes, so
// that small gradients share one launch.
//
//   %0 = dist.all_reduce sum %a over ["data"] : tensor<1024xf32, #partial>
//   %1 = dist.all_reduce sum %b over ["data"] : tensor<512xf32, #partial>
// becomes
//   %0:2 = dist.all_reduce sum %a, %b over ["data"]
//       : tensor<1024xf32, #partial>, tensor<512xf32, #partial>
//
// A bucket sits where its last member sat. It closes when it holds
// `bucket-bytes`, when an op reads one of its results, and at the block end.
// All members have one element type: the runtime sees one array.
// After Li et al., "PyTorch Distributed", VLDB 2020.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/DistDialect.h"
#include "passes/Passes.h"
#include "passes/cost/CostModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"

#include <tuple>

namespace mlc {

#define GEN_PASS_DEF_BUCKETCOLLECTIVES
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;
using dist::AllReduceOp;

/// What the members of one bucket have in common.
using Key = std::tuple<dist::ReductionKind, Attribute, Type, Attribute>;

Key keyOf(AllReduceOp op) {
  Value first = op.getOperand(0);
  return {op.getKind(), op.getAxes(),
          cast<RankedTensorType>(first.getType()).getElementType(),
          dist::LayoutAttr::of(first).getMesh()};
}

/// Operands of one all-reduce that came in another way may differ in type.
bool hasOneElementType(AllReduceOp op) {
  return llvm::all_equal(llvm::map_range(op.getOperandTypes(), [](Type type) {
    return cast<RankedTensorType>(type).getElementType();
  }));
}

StringAttr joinLabels(MutableArrayRef<AllReduceOp> members) {
  SmallVector<StringRef> labels;
  for (AllReduceOp op : members)
    if (op.getLabel())
      labels.push_back(*op.getLabel());
  if (labels.empty())
    return {};
  return StringAttr::get(members.front().getContext(),
                         llvm::join(labels, ", "));
}

/// The buckets of one block.
class Buckets {
public:
  explicit Buckets(int64_t limit) : limit(limit) {}

  void run(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      closeReadBy(&op);
      if (auto sum = dyn_cast<AllReduceOp>(op); sum && hasOneElementType(sum))
        add(sum);
    }
    for (Bucket &bucket : open)
      close(bucket);
  }

private:
  struct Bucket {
    Key key;
    SmallVector<AllReduceOp> members;
    int64_t bytes = 0;
  };

  Bucket &bucketOf(const Key &key) {
    Bucket *found = llvm::find_if(
        open, [&](const Bucket &bucket) { return bucket.key == key; });
    if (found != open.end())
      return *found;
    return open.emplace_back(Bucket{key, {}, 0});
  }

  void add(AllReduceOp op) {
    Bucket &bucket = bucketOf(keyOf(op));
    int64_t bytes = op.getPayloadBytes();
    if (bucket.bytes + bytes > limit)
      close(bucket);
    bucket.members.push_back(op);
    bucket.bytes += bytes;
  }

  /// Closes the buckets of which `op`, or an op inside it, reads a result.
  void closeReadBy(Operation *op) {
    llvm::SmallPtrSet<Operation *, 8> read;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        read.insert(operand.getDefiningOp());
    });
    for (Bucket &bucket : open)
      if (llvm::any_of(bucket.members,
                       [&](AllReduceOp sum) { return read.contains(sum); }))
        close(bucket);
  }

  void close(Bucket &bucket) {
    if (bucket.members.size() > 1)
      merge(bucket.members);
    bucket.members.clear();
    bucket.bytes = 0;
  }

  static void merge(MutableArrayRef<AllReduceOp> members) {
    AllReduceOp last = members.back();
    SmallVector<Value> operands, results;
    SmallVector<Location> locations;
    for (AllReduceOp op : members) {
      llvm::append_range(operands, op.getOperands());
      llvm::append_range(results, op.getResults());
      locations.push_back(op.getLoc());
    }
    OpBuilder builder(last);
    auto merged = AllReduceOp::create(
        builder, FusedLoc::get(builder.getContext(), locations), last.getKind(),
        operands, last.getAxes());
    if (StringAttr label = joinLabels(members))
      merged.setLabelAttr(label);
    for (auto [old, result] : llvm::zip_equal(results, merged.getResults()))
      old.replaceAllUsesWith(result);
    for (AllReduceOp op : members)
      op->erase();
  }

  int64_t limit;
  SmallVector<Bucket, 4> open;
};

struct BucketCollectives : impl::BucketCollectivesBase<BucketCollectives> {
  using BucketCollectivesBase::BucketCollectivesBase;

  void runOnOperation() override {
    int64_t limit = bucketBytes > 0 ? bucketBytes : saturatingPayloadBytes({});
    SmallVector<Block *> blocks;
    getOperation().walk([&](Block *block) { blocks.push_back(block); });
    for (Block *block : blocks)
      Buckets(limit).run(*block);
  }
};

} // namespace
} // namespace mlc
