//===- PlanDialect.cpp - The plan dialect and its attributes --------------===//

#include "ir/plan/PlanOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

#include "ir/plan/PlanDialect.cpp.inc"
#include "ir/plan/PlanEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/plan/PlanAttrs.cpp.inc"

namespace mlc::plan {

void PlanDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/plan/PlanAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/plan/PlanOps.cpp.inc"
      >();
}

int64_t getElementBytes(Type elementType) {
  if (elementType.isInteger(1) || elementType.isUnsignedInteger(8))
    return 1;
  if (elementType.isF16() || elementType.isBF16())
    return 2;
  if (elementType.isF32() || elementType.isSignlessInteger(32))
    return 4;
  if (elementType.isF64() || elementType.isSignlessInteger(64))
    return 8;
  return 0;
}

int64_t getTensorBytes(Type tensorType) {
  auto type = cast<RankedTensorType>(tensorType);
  return type.getNumElements() * getElementBytes(type.getElementType());
}

int64_t alignToArena(int64_t bytes) {
  return static_cast<int64_t>(
      llvm::alignTo(static_cast<uint64_t>(bytes), ArenaOp::kAlignment));
}

} // namespace mlc::plan
