//===- Dot.h - A product on its way to machine code -----------------------===//
//
// The result is cut into panels of columns as wide as a register block, and the
// rows into blocks. A unit of work is some rows and some panels; of it a tile,
// one register block, is computed at a time. Operands that are slow to read
// where they are needed are packed into scratch memory first, for one unit and
// one block of the depth.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_DOT_H
#define MLC_CODEGEN_CPU_DOT_H

#include "codegen/cpu/Lowering.h"

namespace mlc::cpu {

/// How a product is cut, from its shapes and the target alone.
struct DotPlan {
  int64_t batches, rows, columns, depth;
  unsigned lanes;
  int64_t blockRows, blockVectors; ///< of the accumulators in registers
  int64_t unitRows, unitPanels;    ///< rows: of `blockRows`, or all of them
  int64_t depthBlock;              ///< `depth` where that is not cut
  bool packLhs = false, packRhs = false;
  /// Read along the depth when it is packed; else along its free dimensions.
  bool lhsAlongDepth = true, rhsAlongDepth = false;

  int64_t width() const { return blockVectors * lanes; }
  int64_t fullPanels() const { return columns / width(); }
  int64_t panels() const { return (columns + width() - 1) / width(); }
  int64_t rowBlocks() const { return (rows + unitRows - 1) / unitRows; }
  int64_t panelBlocks() const {
    return (panels() + unitPanels - 1) / unitPanels;
  }
  int64_t units() const { return batches * rowBlocks() * panelBlocks(); }
  bool isDepthCut() const { return depthBlock < depth; }
  /// Tasks, each of which has scratch memory of its own if any is needed.
  int64_t tasks() const;

  // Sizes in scratch memory, in elements.
  int64_t paddedDepth() const;
  int64_t lhsStride() const; ///< from one row to the next
  int64_t lhsElements() const;
  int64_t rhsElements() const;
  int64_t sumElements() const; ///< of all panels of a unit
  int64_t scratchElements() const {
    return lhsElements() + rhsElements() + sumElements();
  }
};

/// A register block of the result. As a panel: `m` and `rows` do not matter.
struct DotTile {
  Value batch, m, n; ///< first element
  int64_t rows, vectors;
  unsigned active; ///< lanes of the last vector
};

struct Dot {
  Lowering &l;
  graph::DotOp op;
  llvm::SmallVector<unsigned> which;
  DotPlan plan;
  Value packedLhs, packedRhs, sums; ///< in the scratch memory of this task

  /// Chooses the plan.
  Dot(Lowering &l, graph::DotOp op, llvm::ArrayRef<unsigned> which);

  /// Part of the result, and of the depth.
  struct Unit {
    Value batch, rowBegin, rowEnd, panelBegin, panelEnd;
  };
  struct Depth {
    Value begin, end;
  };

  Type held() { return heldType(l.k, op.getType().getElementType()); }
  Type vector() { return l.k.vec(held(), plan.lanes); }
  /// The index in an operand; `free` numbers its free dimensions together.
  Index operand(IndexMath &math, bool isLhs, Value batch, const Coord &free,
                const Coord &sum);
  /// Instructions for one vector of an operand, lanes along the depth or not.
  int64_t loadCost(bool isLhs, bool alongDepth);

  // DotPack.cpp
  void packLhs(const Unit &unit, const Depth &depth);
  void packRhs(const DotTile &panel, const Depth &depth);

private:
  /// Elements of an operand, at most `lanes` each way, that are read as vectors
  /// along the free dimensions (lhs) or the depth (rhs).
  struct Square {
    bool isLhs;
    Value batch, free, sum; ///< first element
    unsigned freeCount, sumCount;
  };
  Value evaluate(Evaluator &e, bool isLhs, Value batch, const Coord &free,
                 const Coord &sum);
  /// Stores vectors along the other dimensions, `stride` apart, from element
  /// `at` behind `to` on.
  void packSquare(const Square &from, Value to, Value at, int64_t stride);
};

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_DOT_H
