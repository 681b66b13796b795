//===- WindowLoad.h - Elements under one tap of a window ------------------===//
//
// Lanes run along the places of the window in the last dimension. What a tap
// meets there lies in one row of the input: side by side, every second element,
// or anyhow; lanes that meet none give a value of their own.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_WINDOWLOAD_H
#define MLC_CODEGEN_CPU_WINDOWLOAD_H

#include "codegen/cpu/Evaluator.h"
#include "codegen/cpu/Lowering.h"

#include "ir/graph/Window.h"

namespace mlc::cpu {

/// Where `value`, an argument, a constant or a view of one, lies in memory.
Value emitMemoryOf(Lowering &l, Value value);

/// The element of a dimension that tap `tap` meets at `place`, and whether it
/// meets one: null where it always does.
struct Met {
  Value element, valid;
};
Met emitMet(KernelBuilder &k, const graph::WindowDim &dim, Value place,
            Value tap);

class RowLoader {
public:
  RowLoader(KernelBuilder &builder, const graph::WindowDim &columns,
            Type elementType, unsigned vectorLanes)
      : k(builder), dim(columns), element(elementType), lanes(vectorLanes) {}

  /// What is the same for all rows: tap `tap` at the places from `place` on.
  struct Tap {
    Value start, offsets;
    llvm::SmallVector<Value, 2> masks;
  };
  Tap prepare(Value tap, Value place);

  /// The elements of the row at `row`, as held. Where there is none, or `valid`
  /// (may be null) is false: `fill`, or 0.
  Value load(const Tap &tap, Value row, Value valid, Value fill = Value());
  /// The same lanes of a mask: which meet an element.
  Value isMet(const Tap &tap, Value valid);

private:
  KernelBuilder &k;
  graph::WindowDim dim;
  Type element;
  unsigned lanes;

  bool isPair() const { return dim.stride == 2 && dim.inputDilation == 1; }
};

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_WINDOWLOAD_H
