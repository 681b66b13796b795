//===- BatchNorm.h - Kernels of batch norm --------------------------------===//
#ifndef MLC_CODEGEN_CPU_BATCHNORM_H
#define MLC_CODEGEN_CPU_BATCHNORM_H

#include "codegen/cpu/Lowering.h"
#include "ir/graph/GraphBatchNormOps.h"

namespace mlc::cpu {

/// Add phases that compute the results numbered `which`; see Lowering.h.
bool lowerBatchNorm(Lowering &l, graph::BatchNormOp op,
                    llvm::ArrayRef<unsigned> which);
bool lowerBatchNormGrad(Lowering &l, graph::BatchNormGradOp op,
                        llvm::ArrayRef<unsigned> which);

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_BATCHNORM_H
