//===- Conv.h - A convolution on its way to machine code ------------------===//
//
// A convolution is, for every image and group, a product of the kernel and of
// the patches under its taps, [channels out, depth] x [depth, places]; the
// depth is channels in x taps. Patches are packed into scratch memory, some
// rows of places at a time.
//
// Where the window moves by one row at a time, what the next row of taps meets
// is the same one row further on. So these taps share a packed row of patches,
// which is as much longer.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_CONV_H
#define MLC_CODEGEN_CPU_CONV_H

#include "codegen/cpu/WindowLoad.h"

#include "ir/graph/GraphWindowOps.h"

namespace mlc::cpu {

/// A convolution of two spatial dimensions, the first of extent 1 if it has but
/// one.
struct ConvDims {
  ConvDims(const graph::Window &window, int64_t images, int64_t channelsIn,
           int64_t channelsOut, int64_t groupCount);

  int64_t batch, inChannels, outChannels, groups;
  graph::WindowDim rows, columns;

  int64_t ofGroup() const { return inChannels / groups; }
  int64_t toGroup() const { return outChannels / groups; }
  int64_t taps() const { return rows.window * columns.window; }
  int64_t depth() const { return ofGroup() * taps(); }
  int64_t inputSize() const { return rows.input * columns.input; }
  int64_t places() const { return rows.places() * columns.places(); }

  /// Rows of taps that share a packed row.
  int64_t shared() const {
    return rows.stride == 1 && rows.inputDilation == 1 ? rows.window : 1;
  }
  int64_t packedRows() const { return depth() / shared(); }
  /// From one of the taps that share to the next.
  int64_t sharedOffset() const {
    return rows.windowDilation * columns.places();
  }
  /// Elements of a packed row for `count` rows of places, with a vector behind
  /// them: an odd number of vectors, so that rows do not compete for the same
  /// cache sets.
  int64_t packedStride(int64_t count, int64_t lanes) const;
};

/// Rows of places, all columns, of one image.
struct PatchBlock {
  Value image, group, firstRow;
  int64_t rows;
};

/// Packs the patches of a block, rows of it `stride` elements apart: row
/// (c, tap column) where taps share, else (c, tap).
class PatchPacker {
public:
  PatchPacker(Lowering &lowering, const ConvDims &convDims, Value inputMemory,
              Type elementType, unsigned vectorLanes)
      : l(lowering), dims(convDims), input(inputMemory), element(elementType),
        lanes(vectorLanes) {}

  /// Packed rows [begin, end); behind the last, the last again.
  void pack(const PatchBlock &block, Value begin, Value end, Value to,
            int64_t stride);

private:
  Lowering &l;
  ConvDims dims;
  Value input;
  Type element;
  unsigned lanes;

  void packRow(const PatchBlock &block, Value row, Value to);
};

/// The largest number of rows that divides `rows`, with at most `limit` places,
/// but at least one.
int64_t chooseRows(const ConvDims &dims, int64_t limit);

bool lowerConv(Lowering &l, graph::ConvOp op, llvm::ArrayRef<unsigned> which);
bool lowerConvKernelGrad(Lowering &l, graph::ConvKernelGradOp op,
                         llvm::ArrayRef<unsigned> which);
bool lowerMaxPool(Lowering &l, graph::MaxPoolOp op,
                  llvm::ArrayRef<unsigned> which);
bool lowerMaxPoolGrad(Lowering &l, graph::MaxPoolGradOp op,
                      llvm::ArrayRef<unsigned> which);
bool lowerSumPool(Lowering &l, graph::SumPoolOp op,
                  llvm::ArrayRef<unsigned> which);

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_CONV_H
