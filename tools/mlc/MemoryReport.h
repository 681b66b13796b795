//===- MemoryReport.h - What the arena holds --------------------*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_MEMORYREPORT_H
#define MLC_TOOLS_MLC_MEMORYREPORT_H

#include "passes/analysis/Reports.h"

namespace mlc::driver {

/// Bytes of every section of a module of the phase `schedule` or later, and
/// what a rank allocates; for an elastic mesh, as a function of N.
Report reportMemory(mlir::ModuleOp module);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_MEMORYREPORT_H
