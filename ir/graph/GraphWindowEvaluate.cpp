//===- GraphWindowEvaluate.cpp - The meaning of the ops with a window -----===//
//
// Sums add one term after another, in f32 (in double for f64 and in f64 mode).
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphWindowOps.h"
#include "ir/graph/Literal.h"
#include <cmath>

using namespace mlir;

namespace mlc::graph {

using Operands = ArrayRef<const Literal *>;
using Results = MutableArrayRef<Literal>;

namespace {

/// A tap of a window over an element, all three as row-major positions.
struct Meeting {
  int64_t place, tap, element;
};

/// A tensor as batch, channels and positions.
struct Planes {
  explicit Planes(const Literal &x)
      : batch(x.getShape()[0]), channels(x.getShape()[1]),
        positions(ShapedType::getNumElements(x.getShape().drop_front(2))) {}
  int64_t batch, channels, positions;

  int64_t at(int64_t n, int64_t c) const {
    return (n * channels + c) * positions;
  }
};

} // namespace

/// All meetings, by place and then by tap.
static std::vector<Meeting> meetingsOf(const Window &window) {
  std::vector<Meeting> all = {{0, 0, 0}};
  for (const WindowDim &dim : window) {
    std::vector<Meeting> next;
    for (const Meeting &outer : all)
      for (int64_t place = 0; place < dim.places(); ++place)
        for (int64_t tap = 0; tap < dim.window; ++tap)
          if (auto element = dim.elementAt(place, tap))
            next.push_back({outer.place * dim.places() + place,
                            outer.tap * dim.window + tap,
                            outer.element * dim.input + *element});
    all = std::move(next);
  }
  llvm::sort(all, [](const Meeting &a, const Meeting &b) {
    return std::pair(a.place, a.tap) < std::pair(b.place, b.tap);
  });
  return all;
}

/// Adds a term; `single`: both, and the sum, are rounded to f32.
static void addTo(double &sum, double term, bool single) {
  sum = single ? static_cast<double>(static_cast<float>(sum) +
                                     static_cast<float>(term))
               : sum + term;
}

static bool isSingle(const Literal &result, EvalOptions options) {
  return !options.f64 && !result.getElementType().isF64();
}

static void roundAll(Literal &result, EvalOptions options) {
  for (double &value : result.floats)
    value = roundFloat(result.getElementType(), value, options);
}

LogicalResult ConvOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  const Literal &x = *operands[0], &w = *operands[1];
  Literal &result = results[0];
  bool single = isSingle(result, options);
  std::vector<Meeting> meetings = meetingsOf(getWindow());
  Planes in(x), kernel(w), out(result);
  int64_t groups = getGroups();
  int64_t ofGroup = in.channels / groups, toGroup = out.channels / groups;
  for (int64_t n = 0; n < out.batch; ++n)
    for (int64_t o = 0; o < out.channels; ++o)
      for (int64_t c = 0; c < ofGroup; ++c) {
        int64_t first = o / toGroup * ofGroup;
        const double *from = &x.floats[in.at(n, first + c)];
        const double *taps =
            &w.floats[getTransposed() ? kernel.at(first + c, o % toGroup)
                                      : kernel.at(o, c)];
        double *to = &result.floats[out.at(n, o)];
        for (const Meeting &m : meetings)
          addTo(
              to[m.place],
              from[m.element] *
                  taps[getTransposed() ? kernel.positions - 1 - m.tap : m.tap],
              single);
      }
  roundAll(result, options);
  return success();
}

LogicalResult ConvKernelGradOp::evaluate(Operands operands, Results results,
                                         EvalOptions options) {
  const Literal &x = *operands[0], &dy = *operands[1];
  Literal &result = results[0];
  bool single = isSingle(result, options);
  std::vector<Meeting> meetings = meetingsOf(getWindow());
  Planes in(x), kernel(result), out(dy);
  int64_t groups = getGroups();
  int64_t ofGroup = in.channels / groups, toGroup = out.channels / groups;
  for (int64_t n = 0; n < out.batch; ++n)
    for (int64_t o = 0; o < out.channels; ++o)
      for (int64_t c = 0; c < ofGroup; ++c) {
        const double *from = &x.floats[in.at(n, o / toGroup * ofGroup + c)];
        const double *places = &dy.floats[out.at(n, o)];
        double *to = &result.floats[kernel.at(o, c)];
        for (const Meeting &m : meetings)
          addTo(to[m.tap], from[m.element] * places[m.place], single);
      }
  roundAll(result, options);
  return success();
}

LogicalResult SumPoolOp::evaluate(Operands operands, Results results,
                                  EvalOptions options) {
  const Literal &x = *operands[0];
  Literal &result = results[0];
  bool single = isSingle(result, options);
  std::vector<Meeting> meetings = meetingsOf(getWindow());
  Planes in(x), out(result);
  for (int64_t plane = 0; plane < in.batch * in.channels; ++plane)
    for (const Meeting &m : meetings)
      addTo(result.floats[plane * out.positions + m.place],
            x.floats[plane * in.positions + m.element], single);
  roundAll(result, options);
  return success();
}

/// Per place, the element with the largest key.
static std::vector<int64_t>
winnersOf(const double *keys, ArrayRef<Meeting> meetings, int64_t places) {
  std::vector<int64_t> winners(places, -1);
  for (const Meeting &m : meetings) {
    int64_t &best = winners[m.place];
    if (best < 0 || keys[m.element] > keys[best] || std::isnan(keys[m.element]))
      best = m.element;
  }
  return winners;
}

LogicalResult MaxPoolOp::evaluate(Operands operands, Results results,
                                  EvalOptions) {
  const Literal &keys = *operands[0], &values = *operands[1];
  std::vector<Meeting> meetings = meetingsOf(getWindow());
  Planes in(keys), out(results[0]);
  for (int64_t plane = 0; plane < in.batch * in.channels; ++plane) {
    int64_t from = plane * in.positions, to = plane * out.positions;
    for (auto [place, element] : llvm::enumerate(
             winnersOf(&keys.floats[from], meetings, out.positions)))
      results[0].copyElement(to + static_cast<int64_t>(place), values,
                             from + element);
  }
  return success();
}

LogicalResult MaxPoolGradOp::evaluate(Operands operands, Results results,
                                      EvalOptions options) {
  const Literal &keys = *operands[0], &dresult = *operands[1];
  bool single = isSingle(results[0], options);
  std::vector<Meeting> meetings = meetingsOf(getWindow());
  Planes in(keys), out(dresult);
  for (int64_t plane = 0; plane < in.batch * in.channels; ++plane) {
    int64_t to = plane * in.positions, from = plane * out.positions;
    for (auto [place, element] :
         llvm::enumerate(winnersOf(&keys.floats[to], meetings, out.positions)))
      addTo(results[0].floats[to + element],
            dresult.floats[from + static_cast<int64_t>(place)], single);
  }
  roundAll(results[0], options);
  return success();
}

} // namespace mlc::graph
