//===- Window.h - A window that moves over a tensor -------------*- C++ -*-===//
//
// Where the taps of a window meet the elements of its input, one dimension at a
// time; see GraphWindowOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_WINDOW_H
#define MLC_IR_GRAPH_WINDOW_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>

namespace mlc::graph {

struct WindowDim {
  int64_t input = 1;  ///< extent of the input
  int64_t window = 1; ///< taps
  int64_t stride = 1;
  int64_t low = 0, high = 0; ///< padding
  int64_t inputDilation = 1, windowDilation = 1;

  /// Elements that the window covers, of the dilated input.
  int64_t reach() const { return (window - 1) * windowDilation + 1; }
  int64_t paddedInput() const {
    return (input - 1) * inputDilation + 1 + low + high;
  }
  /// Places of the window; below 1 where it does not fit.
  int64_t places() const {
    return paddedInput() < reach() ? 0 : (paddedInput() - reach()) / stride + 1;
  }
  /// The element that tap `tap` meets with the window at `place`.
  std::optional<int64_t> elementAt(int64_t place, int64_t tap) const {
    int64_t at = place * stride + tap * windowDilation - low;
    if (at < 0 || at % inputDilation != 0 || at / inputDilation >= input)
      return std::nullopt;
    return at / inputDilation;
  }
  /// The window of the gradient with respect to the input: it moves over the
  /// places of this one, its taps are counted backwards, and its places are
  /// the elements of this one's input.
  WindowDim transposed() const;
};

using Window = llvm::SmallVector<WindowDim, 2>;

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_WINDOW_H
