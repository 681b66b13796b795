//===- Random.cpp - Random numbers where they are read --------------------===//
//
// Philox4x32-10 on vectors: a lane computes one block of four words, products
// of 32 bits on the even and the odd lanes apart. Which word of which block an
// element has (runtime/schema/Philox.h) lets 16 lanes use all four, when a loop
// takes 64 elements of a row at once: then four vectors ask for the same
// blocks, and the compiler computes them once.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Evaluator.h"
#include "codegen/cpu/Lowering.h"
#include "ir/graph/GraphRandomOps.h"
#include "runtime/schema/Philox.h"

#include <array>

using namespace mlir;

namespace mlc::cpu {

using Words = std::array<Value, 4>;
using Key = std::pair<Value, Value>;

static Value word(KernelBuilder &k, Type type, uint32_t bits) {
  return k.ci(type, static_cast<int32_t>(bits));
}

/// The upper and the lower half of `x * factor`.
static std::pair<Value, Value> multiplyWide(KernelBuilder &k, Value x,
                                            uint32_t factor) {
  unsigned lanes = KernelBuilder::lanesOf(x.getType());
  if (lanes % 2 != 0) {
    Value wide = k.zext(x, k.i64());
    Value product = k.mul(wide, k.ci(wide.getType(), factor));
    Value upper = k.lshr(product, k.ci(wide.getType(), 32));
    return {k.trunc(upper, k.i32()), k.trunc(product, k.i32())};
  }
  Type pairs = k.vec(k.i64(), lanes / 2);
  Value both = LLVM::BitcastOp::create(k.b, k.loc, pairs, x);
  Value by = k.ci(pairs, factor);
  auto halves = [&](Value lower) {
    Value product = k.mul(lower, by);
    return LLVM::BitcastOp::create(k.b, k.loc, x.getType(), product);
  };
  Value even = halves(k.andi(both, k.ci(pairs, 0xffffffff)));
  Value odd = halves(k.lshr(both, k.ci(pairs, 32)));
  SmallVector<int32_t> upper, lower;
  for (int32_t lane = 0; lane < static_cast<int32_t>(lanes); ++lane) {
    int32_t first = lane % 2 ? static_cast<int32_t>(lanes) + lane - 1 : lane;
    lower.push_back(first);
    upper.push_back(first + 1);
  }
  return {k.shuffle(even, odd, upper), k.shuffle(even, odd, lower)};
}

static Words philox(KernelBuilder &k, Words c, Key key) {
  unsigned lanes = KernelBuilder::lanesOf(c[0].getType());
  for (int round = 0; round < mlrt::kPhiloxRounds; ++round) {
    auto [upper0, lower0] = multiplyWide(k, c[0], mlrt::kPhiloxFactors[0]);
    auto [upper1, lower1] = multiplyWide(k, c[2], mlrt::kPhiloxFactors[1]);
    c = {k.xori(k.xori(upper1, c[1]), k.splat(key.first, lanes)), lower1,
         k.xori(k.xori(upper0, c[3]), k.splat(key.second, lanes)), lower0};
    key = {k.add(key.first, word(k, k.i32(), mlrt::kPhiloxWeyl[0])),
           k.add(key.second, word(k, k.i32(), mlrt::kPhiloxWeyl[1]))};
  }
  return c;
}

static Key halvesOf(KernelBuilder &k, Value wide) {
  Value upper = k.lshr(wide, k.ci(wide.getType(), 32));
  return {k.trunc(wide, k.i32()), k.trunc(upper, k.i32())};
}

namespace {

/// One of the ops, whichever.
struct Draw {
  Value seed, rows;
  OperandRange indices;
  int64_t dim;
  uint64_t site;

  template <typename Op> static Draw of(Op op) {
    return {op.getSeed(), op.getRows(), op.getIndices(),
            static_cast<int64_t>(op.getDim()), op.getSite()};
  }
};

} // namespace

/// The key is the same for all elements: computed once, where the kernel
/// begins.
static Key keyOf(Evaluator &e, Operation *op, const Draw &draw) {
  KernelBuilder &k = e.k;
  auto [entry, fresh] = e.randomKeys->try_emplace(op);
  if (!fresh)
    return entry->second;
  OpBuilder::InsertionGuard guard(k.b);
  Block &first = k.b.getInsertionBlock()->getParent()->front();
  if (first.mightHaveTerminator())
    k.b.setInsertionPoint(first.getTerminator());
  else
    k.b.setInsertionPointToEnd(&first);
  Evaluator scalar(k, 1, /*wideIndex=*/false);
  scalar.pointers = e.pointers;
  Value seed = scalar.evaluate(draw.seed, {});
  Value site = k.ci(k.i64(), static_cast<int64_t>(draw.site));
  Key key = halvesOf(k, k.xori(seed, site));
  for (Value index : draw.indices) {
    auto [low, high] = halvesOf(k, scalar.evaluate(index, {}));
    Words words =
        philox(k, {low, high, k.ci(k.i32(), 0), k.ci(k.i32(), 1)}, key);
    key = {words[0], words[1]};
  }
  return (*e.randomKeys)[op] = key;
}

/// Words of the elements at `position` of their rows.
static Value wordsAt(Evaluator &e, const Coord &position, Key row, Key key) {
  constexpr int64_t kGroup = mlrt::kRandomGroup, kBlocks = mlrt::kRandomBlocks;
  KernelBuilder &k = e.k;
  auto lanes = static_cast<int64_t>(e.lanes());
  Type type = k.vec(k.i32(), e.lanes());
  auto blocksAt = [&](Value block) {
    return philox(k, {block, row.first, row.second, k.zero(type)}, key);
  };
  bool inRow = !position.perLane && (position.stride == 1 || lanes == 1);
  int64_t within = position.offset % kBlocks;
  int64_t known = position.base ? position.divisor : 0;
  auto lanesFrom = [&](Value start) {
    Value first = k.splat(start, e.lanes());
    return lanes == 1 ? first : k.add(first, k.laneIndices(k.i32(), e.lanes()));
  };
  if (inRow && known % kGroup == 0 && within + lanes <= kBlocks) {
    int64_t offset = position.offset / kGroup * kBlocks + within;
    Value start = k.ci(k.i32(), offset);
    if (position.base) {
      Value blocks = k.lshr(position.base, k.index(2)); // 16 of 64
      start = k.add(k.trunc(blocks, k.i32()), start);
    }
    return blocksAt(lanesFrom(start))[position.offset % kGroup / kBlocks];
  }
  auto choose = [&](Value at, auto number) {
    Value group = k.lshr(at, number(6));
    Value block = k.add(k.shl(group, number(4)), k.andi(at, number(15)));
    Value which = k.andi(k.lshr(at, number(4)), number(3));
    return std::pair(block, which);
  };
  auto pick = [&](const Words &words, Value which, auto number) {
    Value chosen = words[3];
    for (int i = 2; i >= 0; --i)
      chosen = k.select(k.icmp(IPred::eq, which, number(i)), words[i], chosen);
    return chosen;
  };
  // The lanes are in one sixteenth: it has one word.
  if (inRow && known % lanes == 0 && position.offset % lanes == 0 &&
      kBlocks % lanes == 0) {
    auto number = [&](int64_t n) { return k.ci(k.i32(), n); };
    auto [block, which] =
        choose(k.trunc(e.math.start(position), k.i32()), number);
    return pick(blocksAt(lanesFrom(block)), which, number);
  }
  auto number = [&](int64_t n) { return k.ci(type, n); };
  Value at = e.math.vector(position);
  if (KernelBuilder::element(at.getType()) != k.i32())
    at = k.trunc(at, k.i32());
  auto [block, which] = choose(at, number);
  return pick(blocksAt(block), which, number);
}

static Value drawBits(Evaluator &e, Operation *op, const Draw &draw,
                      const Index &index) {
  KernelBuilder &k = e.k;
  ArrayRef<int64_t> shape = typeOf(op->getResult(0)).getShape();
  Key key = keyOf(e, op, draw);
  Type type = k.vec(k.i32(), e.lanes());
  Key row = {k.zero(type), k.zero(type)};
  Index rest = index;
  if (draw.rows && shape[draw.dim] == 1) { // it adds nothing to the position
    Value number = e.evaluate(draw.rows, {{0, 1, Coord::constant(0)}});
    auto [low, high] = halvesOf(k, k.extract(number, 0));
    row = {k.splat(low, e.lanes()), k.splat(high, e.lanes())};
  } else if (draw.rows) {
    rest.clear();
    for (const Run &run :
         e.math.split(index, shape, {draw.dim, draw.dim + 1})) {
      if (run.first != draw.dim) {
        rest.push_back(run);
        continue;
      }
      Value number = e.evaluate(draw.rows, {{0, 1, run.at}});
      if (run.at.uniform() && e.lanes() > 1) {
        auto [low, high] = halvesOf(k, k.extract(number, 0));
        row = {k.splat(low, e.lanes()), k.splat(high, e.lanes())};
      } else {
        row = halvesOf(k, number);
      }
    }
  }
  Coord position = Coord::constant(0);
  int64_t inner = 1;
  for (const Run &run : llvm::reverse(rest)) {
    position = e.math.add(e.math.scale(run.at, inner), position);
    inner *= countElements(shape.slice(run.first, run.count));
  }
  Value words = wordsAt(e, position, row, key);
  return k.lshr(words, k.ci(type, 32 - mlrt::kUniformBits));
}

Value Evaluator::random(Operation *op, const Index &index) {
  Type element = typeOf(op->getResult(0)).getElementType();
  Type held = k.vec(heldType(k, element), lanes());
  if (auto uniform = dyn_cast<graph::RandomUniformOp>(op)) {
    Value bits = drawBits(*this, op, Draw::of(uniform), index);
    return k.fmul(k.sitofp(bits, element), k.cf(held, 0x1p-24));
  }
  auto mask = cast<graph::DropoutMaskOp>(op);
  Value bits = drawBits(*this, op, Draw::of(mask), index);
  double rate = mask.getRate().convertToDouble();
  Value kept = k.icmp(
      IPred::uge, bits,
      k.ci(bits.getType(), static_cast<int64_t>(mlrt::dropThreshold(rate))));
  return k.select(kept, k.cf(held, 1 / (1 - rate)), k.zero(held));
}

bool isRandom(Operation *op) {
  return isa<graph::RandomUniformOp, graph::DropoutMaskOp>(op);
}

} // namespace mlc::cpu
