//===- Liveness.cpp - When transient buffers hold a value -----------------===//

#include "passes/analysis/Liveness.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlc {

namespace {
/// Numbers steps and widens the interval of each buffer that they touch.
class Walker {
public:
  explicit Walker(llvm::DenseMap<StringAttr, LiveBuffer *> &byName)
      : byName(byName) {}

  void visit(Block &block) {
    for (Operation &op : block) {
      ++now;
      if (auto loop = dyn_cast<plan::LoopOp>(op))
        visitLoop(loop);
      else
        forEachRef(op, [&](plan::RefAttr ref) { touch(ref, now, now); });
    }
  }

private:
  static void forEachRef(Operation &op, function_ref<void(plan::RefAttr)> fn) {
    op.getAttrDictionary().walk([&](plan::RefAttr ref) { fn(ref); });
  }

  void touch(plan::RefAttr ref, int64_t first, int64_t last) {
    auto it = byName.find(ref.getBuffer().getAttr());
    if (it == byName.end())
      return;
    LiveBuffer &live = *it->second;
    if (live.first == 0)
      live.first = first;
    live.first = std::min(live.first, first);
    live.last = std::max(live.last, last);
  }

  /// Does the call write `ref` and not read it.
  static bool onlyWrites(Operation &op, FlatSymbolRefAttr buffer) {
    if (auto copy = dyn_cast<plan::CopyOp>(op))
      return copy.getSource().getBuffer() != buffer;
    if (isa<plan::FillOp>(op))
      return true;
    auto call = dyn_cast<plan::CallOp>(op);
    plan::KernelOp kernel = call ? call.getKernelOp() : plan::KernelOp();
    if (!kernel)
      return false;
    for (auto [i, arg] : llvm::enumerate(call.getArgs()))
      if (cast<plan::RefAttr>(arg).getBuffer() == buffer &&
          !kernel.isPointerWritten(i))
        return false;
    return true;
  }

  void visitLoop(plan::LoopOp loop) {
    int64_t begin = now;
    Block &body = loop.getBody().front();
    // Live before the loop, read in it before it is written, or written bit by
    // bit by its iterations.
    llvm::SmallVector<plan::RefAttr> whole;
    llvm::DenseMap<Attribute, bool> seen;
    loop.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<plan::LoopOp>(op))
        return;
      forEachRef(*op, [&](plan::RefAttr ref) {
        bool moves = llvm::any_of(ref.getStrides(),
                                  [](int64_t stride) { return stride != 0; });
        if (!seen.try_emplace(ref.getBuffer(), true).second && !moves)
          return;
        auto it = byName.find(ref.getBuffer().getAttr());
        bool before = it != byName.end() && it->second->first != 0;
        if (before || moves || !onlyWrites(*op, ref.getBuffer()))
          whole.push_back(ref);
      });
    });
    visit(body);
    ++now;
    for (plan::RefAttr ref : whole)
      touch(ref, begin, now);
    for (Attribute attr : loop.getSums()) {
      auto sum = cast<plan::LoopSumAttr>(attr);
      // Sources wait for the end of the iteration; the result may be the
      // running sum from the first on.
      touch(sum.getSource(), now, now);
      touch(sum.getResult(), begin, now);
    }
    // Read after the loop: it must survive the iterations that follow its
    // last use in the body, which the interval to the later step covers.
  }

  llvm::DenseMap<StringAttr, LiveBuffer *> &byName;
  int64_t now = 0;
};
} // namespace

SmallVector<LiveBuffer> computeLiveness(plan::ArenaOp arena,
                                        plan::ProgramOp program) {
  SmallVector<LiveBuffer> all;
  for (auto buffer : arena.getOps<plan::BufferOp>())
    if (buffer.getSection() == plan::Section::Transient)
      all.push_back({buffer});
  llvm::DenseMap<StringAttr, LiveBuffer *> byName;
  for (LiveBuffer &live : all)
    byName[live.buffer.getSymNameAttr()] = &live;
  Walker(byName).visit(program.getBody().front());
  llvm::erase_if(all, [](const LiveBuffer &live) { return live.first == 0; });
  return all;
}

int64_t packBuffers(MutableArrayRef<LiveBuffer> buffers) {
  SmallVector<LiveBuffer *> bySize, placed;
  for (LiveBuffer &live : buffers)
    bySize.push_back(&live);
  auto bytes = [](const LiveBuffer *live) {
    return plan::alignToArena(
        const_cast<LiveBuffer *>(live)->buffer.getTotalBytes());
  };
  llvm::sort(bySize, [&](const LiveBuffer *a, const LiveBuffer *b) {
    return std::pair(-bytes(a), a) < std::pair(-bytes(b), b);
  });
  int64_t high = 0;
  for (LiveBuffer *live : bySize) {
    int64_t offset = 0;
    for (LiveBuffer *other : placed) { // by offset
      if (other->last < live->first || live->last < other->first)
        continue;
      if (other->offset >= offset + bytes(live))
        break;
      offset = std::max(offset, other->offset + bytes(other));
    }
    live->offset = offset;
    high = std::max(high, offset + bytes(live));
    placed.insert(llvm::upper_bound(placed, live,
                                    [](LiveBuffer *a, LiveBuffer *b) {
                                      return a->offset < b->offset;
                                    }),
                  live);
  }
  return high;
}

} // namespace mlc
