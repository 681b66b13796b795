//===- Liveness.h - When transient buffers hold a value ---------*- C++ -*-===//

#ifndef MLC_PASSES_ANALYSIS_LIVENESS_H
#define MLC_PASSES_ANALYSIS_LIVENESS_H

#include "ir/plan/PlanOps.h"

namespace mlc {

/// A transient buffer and the steps, numbered through the program, from its
/// first to its last use.
struct LiveBuffer {
  plan::BufferOp buffer;
  int64_t first = 0, last = 0;
  int64_t offset = 0; ///< set by packBuffers, from 0
};

/// The transient buffers that a program touches, in the order of the arena.
llvm::SmallVector<LiveBuffer> computeLiveness(plan::ArenaOp arena,
                                              plan::ProgramOp program);

/// Gives offsets such that no two buffers live at the same time share a byte;
/// returns the bytes needed.
int64_t packBuffers(llvm::MutableArrayRef<LiveBuffer> buffers);

} // namespace mlc

#endif // MLC_PASSES_ANALYSIS_LIVENESS_H
