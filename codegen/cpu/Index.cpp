//===- Index.cpp - Where in a tensor a vector of elements lies ------------===//
#include "codegen/cpu/Index.h"

#include <numeric>

using namespace mlir;

namespace mlc::cpu {

int64_t countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

Value IndexMath::remember(int kind, Value x, Value y, int64_t c,
                          function_ref<Value()> make) {
  auto key = std::make_tuple(kind, x.getAsOpaquePointer(),
                             y ? y.getAsOpaquePointer() : nullptr, c);
  auto [place, isNew] = memo.try_emplace(key);
  if (isNew) {
    Value value = make();
    memo[key] = value;
    return value;
  }
  return place->second;
}

// scalar + lane * stride, as a vector.
Value IndexMath::laneVector(Value scalar, int64_t stride) {
  if (lanes == 1)
    return scalar;
  auto make = [&] {
    Value narrow = wide ? scalar : k.trunc(scalar, k.i32());
    Value sum = k.splat(narrow, lanes);
    if (stride == 0)
      return sum;
    Value lane = k.laneIndices(laneType(), lanes);
    if (stride != 1)
      lane = k.mul(lane, k.ci(lane.getType(), stride));
    return k.add(sum, lane);
  };
  return remember(0, scalar, Value(), stride, make);
}

Value IndexMath::start(const Coord &x) {
  if (!x.base)
    return k.index(x.offset);
  if (x.offset == 0)
    return x.base;
  return remember(1, x.base, Value(), x.offset,
                  [&] { return k.add(x.base, k.index(x.offset)); });
}

Value IndexMath::uniform(const Coord &x) {
  assert(x.uniform() && "a coordinate without lanes");
  return start(x);
}

Value IndexMath::vector(const Coord &x) {
  if (!x.perLane) {
    // Constants are not remembered: their values differ each time.
    return laneVector(start(x), x.stride);
  }
  if (x.offset == 0)
    return x.perLane;
  return remember(2, x.perLane, Value(), x.offset, [&] {
    return k.add(x.perLane, k.ci(x.perLane.getType(), x.offset));
  });
}

Coord IndexMath::add(const Coord &x, const Coord &y) {
  Coord sum;
  sum.offset = x.offset + y.offset;
  if (x.perLane || y.perLane) {
    Coord left = x, right = y;
    left.offset = right.offset = 0;
    Value a = vector(left), b = vector(right);
    sum.perLane = remember(3, a, b, 0, [&] { return k.add(a, b); });
    return sum;
  }
  sum.stride = x.stride + y.stride;
  if (!x.base || !y.base) {
    sum.base = x.base ? x.base : y.base;
    sum.divisor = x.base ? x.divisor : y.divisor;
    return sum;
  }
  sum.base =
      remember(3, x.base, y.base, 0, [&] { return k.add(x.base, y.base); });
  sum.divisor = std::gcd(x.divisor, y.divisor);
  return sum;
}

Coord IndexMath::scale(const Coord &x, int64_t factor) {
  if (factor == 1)
    return x;
  if (factor == 0)
    return Coord::constant(0);
  Coord result;
  result.offset = x.offset * factor;
  result.stride = x.stride * factor;
  auto times = [&](Value value) {
    return remember(4, value, Value(), factor, [&] {
      return k.mul(value, k.ci(value.getType(), factor));
    });
  };
  if (x.perLane) {
    result.perLane = times(x.perLane);
  } else if (x.base) {
    result.base = times(x.base);
    result.divisor = x.divisor * factor;
  }
  return result;
}

std::pair<Coord, Coord> IndexMath::divide(const Coord &x, int64_t divisor) {
  if (divisor == 1)
    return {x, Coord::constant(0)};
  if (!x.perLane && !x.base && x.stride == 0)
    return {Coord::constant(x.offset / divisor),
            Coord::constant(x.offset % divisor)};

  auto split = [&](Value value) {
    Value by = k.ci(value.getType(), divisor);
    return std::make_pair(
        remember(5, value, Value(), divisor, [&] { return k.udiv(value, by); }),
        remember(6, value, Value(), divisor,
                 [&] { return k.urem(value, by); }));
  };
  // All lanes stay inside one block of `divisor`: the start decides.
  int64_t span = x.stride * int64_t(lanes);
  bool inside = !x.perLane && span != 0 && divisor % span == 0 &&
                x.offset % span == 0 && (!x.base || x.divisor % span == 0);
  if (inside || x.uniform()) {
    Coord quotient, remainder;
    remainder.stride = x.stride;
    if (!x.base) {
      quotient.offset = x.offset / divisor;
      remainder.offset = x.offset % divisor;
      return {quotient, remainder};
    }
    auto [q, r] = split(start(x));
    quotient.base = q;
    remainder.base = r;
    int64_t known = x.offset ? std::gcd(x.divisor, x.offset) : x.divisor;
    remainder.divisor = std::gcd(known, divisor);
    if (known % divisor == 0)
      quotient.divisor = known / divisor;
    return {quotient, remainder};
  }
  ++perLaneCount;
  auto [q, r] = split(vector(x));
  Coord quotient, remainder;
  quotient.perLane = q;
  remainder.perLane = r;
  return {quotient, remainder};
}

Coord IndexMath::clamp(const Coord &x, int64_t low, int64_t high) {
  auto bound = [&](Value value) {
    Value bottom = k.ci(value.getType(), low),
          top = k.ci(value.getType(), high);
    value = k.select(k.icmp(IPred::slt, value, bottom), bottom, value);
    return k.select(k.icmp(IPred::sgt, value, top), top, value);
  };
  Coord result;
  if (x.uniform()) {
    result.base = bound(start(x));
    return result;
  }
  ++perLaneCount;
  result.perLane = bound(vector(x));
  return result;
}

Coord IndexMath::linearize(const Index &index, ArrayRef<int64_t> shape) {
  Coord sum;
  int64_t inner = 1;
  for (const Run &run : llvm::reverse(index)) {
    sum = add(scale(run.at, inner), sum);
    inner *= countElements(shape.slice(run.first, run.count));
  }
  return sum;
}

Index IndexMath::split(const Index &index, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> cuts) {
  Index result;
  for (const Run &run : index) {
    SmallVector<int64_t> begins{run.first};
    for (int64_t cut : cuts)
      if (cut > run.first && cut < run.first + run.count)
        begins.push_back(cut);
    llvm::sort(begins);
    begins.erase(std::unique(begins.begin(), begins.end()), begins.end());

    // From the innermost part outwards.
    Index parts;
    Coord rest = run.at;
    int64_t end = run.first + run.count;
    for (size_t i = begins.size(); i-- > 1;) {
      int64_t extent = countElements(shape.slice(begins[i], end - begins[i]));
      auto [q, r] = divide(rest, extent);
      parts.push_back({begins[i], end - begins[i], r});
      rest = q;
      end = begins[i];
    }
    parts.push_back({run.first, end - run.first, rest});
    result.append(parts.rbegin(), parts.rend());
  }
  return result;
}

Index IndexMath::splitAll(const Index &index, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> cuts(shape.size());
  std::iota(cuts.begin(), cuts.end(), 0);
  return split(index, shape, cuts);
}

} // namespace mlc::cpu
