//===- GraphVerify.cpp - The constraints of the graph ops -----------------===//
//
// Labels (C1), (C2), ... are those of the descriptions in the .td files.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallBitVector.h"
#include <cmath>

using namespace mlir;

namespace mlc::graph {

static std::string shapeToString(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os);
  os << ']';
  return text;
}

static std::string shapeToString(Type type) {
  return shapeToString(cast<RankedTensorType>(type).getShape());
}

/// The result has the shape `expected`.
static LogicalResult verifyResultShape(Operation *op,
                                       RankedTensorType expected) {
  if (cast<RankedTensorType>(op->getResult(0).getType()).getShape() ==
      expected.getShape())
    return success();
  return op->emitOpError("has a result of shape ")
         << shapeToString(op->getResult(0).getType()) << " but gives "
         << shapeToString(expected);
}

/// `dims` is strictly increasing, from 0 to below `rank`.
static LogicalResult verifyIncreasing(Operation *op, ArrayRef<int64_t> dims,
                                      int64_t rank) {
  int64_t previous = -1;
  for (int64_t dim : dims) {
    if (dim <= previous)
      return op->emitOpError("has dims ")
             << shapeToString(dims) << ", which do not increase from 0";
    if (dim >= rank)
      return op->emitOpError("has dimension ")
             << dim << " in dims, but the rank is " << rank;
    previous = dim;
  }
  return success();
}

static LogicalResult verifyDim(Operation *op, int64_t dim, int64_t rank) {
  if (dim >= 0 && dim < rank)
    return success();
  return op->emitOpError("has dim ") << dim << " but the rank is " << rank;
}

//===----------------------------------------------------------------------===//
// Declarations, constants
//===----------------------------------------------------------------------===//

LogicalResult ParameterOp::verify() {
  RankedTensorType type = getTensorType();
  if (type.getEncoding()) // (C1)
    return emitOpError("is declared with the layout ") << type.getEncoding();
  bool isFloat = isa<FloatType>(type.getElementType());
  if (getRole() == ParameterRole::trained && !isFloat) // (C2)
    return emitOpError("is trained but has elements of type ")
           << type.getElementType();
  InitKind kind = getInit().getKind();
  bool isRandom = kind == InitKind::uniform || kind == InitKind::normal ||
                  kind == InitKind::truncated_normal ||
                  kind == InitKind::orthogonal;
  if (isRandom && !isFloat) // (C3)
    return emitOpError("has a random initial value but elements of type ")
           << type.getElementType();
  double columns = getInit().getB();
  if (kind == InitKind::orthogonal &&
      std::fmod(static_cast<double>(type.getNumElements()), columns) !=
          0) // (C4)
    return emitOpError("has ")
           << type.getNumElements()
           << " elements but an orthogonal initial value of " << columns
           << " columns";
  return success();
}

LogicalResult IotaOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank()); // (C1)
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

LogicalResult CompareOp::verify() {
  Type lhs = getLhs().getType().getElementType();
  Type rhs = getRhs().getType().getElementType();
  if (lhs == rhs) // (C2)
    return success();
  return emitOpError("compares elements of type ") << lhs << " with " << rhs;
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = getOperand().getType(), to = getType();
  ArrayRef<int64_t> dims = getDims();
  if (static_cast<int64_t>(dims.size()) != from.getRank()) // (C2)
    return emitOpError("has ")
           << dims.size() << " dims for an operand of rank " << from.getRank();
  if (failed(verifyIncreasing(*this, dims, to.getRank()))) // (C3)
    return failure();
  for (auto [i, dim] : llvm::enumerate(dims)) { // (C4)
    int64_t extent = from.getDimSize(i);
    if (extent != 1 && extent != to.getDimSize(dim))
      return emitOpError("cannot repeat dimension ")
             << i << " of extent " << extent << " to extent "
             << to.getDimSize(dim) << "; only an extent of 1 repeats";
  }
  return success();
}

LogicalResult ReshapeOp::verify() {
  int64_t from = getOperand().getType().getNumElements();
  int64_t to = getType().getNumElements();
  if (from != to) // (C2)
    return emitOpError("has ")
           << from << " elements in " << shapeToString(getOperand().getType())
           << " but " << to << " in " << shapeToString(getType());
  if (getKeepFrom().size() != getKeepTo().size()) // (C3)
    return emitOpError("keeps ")
           << getKeepFrom().size() << " dimensions as " << getKeepTo().size();
  ArrayRef<int64_t> before = getOperand().getType().getShape();
  ArrayRef<int64_t> after = getType().getShape();
  if (failed(verifyIncreasing(*this, getKeepFrom(), before.size())) ||
      failed(verifyIncreasing(*this, getKeepTo(), after.size()))) // (C3)
    return failure();
  auto count = [](ArrayRef<int64_t> shape) {
    return ShapedType::getNumElements(shape);
  };
  for (auto [i, j] : llvm::zip_equal(getKeepFrom(), getKeepTo())) // (C4)
    if (before[i] != after[j] ||
        count(before.take_front(i)) != count(after.take_front(j)))
      return emitOpError("cannot keep dimension ")
             << i << " of " << shapeToString(getOperand().getType())
             << " as dimension " << j << " of " << shapeToString(getType());
  return success();
}

LogicalResult TransposeOp::verify() {
  ArrayRef<int64_t> perm = getPerm();
  int64_t rank = getOperand().getType().getRank();
  llvm::SmallBitVector seen(rank);
  bool valid = static_cast<int64_t>(perm.size()) == rank;
  for (int64_t dim : perm) {
    valid = valid && dim >= 0 && dim < rank && !seen.test(dim);
    if (valid)
      seen.set(dim);
  }
  if (!valid) // (C2)
    return emitOpError("has perm ")
           << shapeToString(perm) << ", which is not an order of " << rank
           << " dimensions";
  return verifyResultShape(*this,
                           permuted(getOperand().getType(), perm)); // (C3)
}

LogicalResult ConcatOp::verify() {
  if (getOperands().empty()) // (C1)
    return emitOpError("has no operands");
  int64_t rank = getType().getRank(), dim = getDim();
  if (failed(verifyDim(*this, dim, rank))) // (C2)
    return failure();
  int64_t total = 0;
  for (auto [index, operand] : llvm::enumerate(getOperands())) { // (C3)
    auto type = cast<RankedTensorType>(operand.getType());
    bool matches = type.getElementType() == getType().getElementType() &&
                   type.getRank() == rank;
    for (int64_t i = 0; matches && i < rank; ++i)
      matches = i == dim || type.getDimSize(i) == getType().getDimSize(i);
    if (!matches) {
      InFlightDiagnostic diag = emitOpError("cannot join operand #")
                                << index << " of type " << type
                                << " along dimension " << dim << " of "
                                << getType();
      diag.attachNote(operand.getLoc())
          << "operand #" << index << " comes from here";
      return diag;
    }
    total += type.getDimSize(dim);
  }
  if (total != getType().getDimSize(dim)) // (C4)
    return emitOpError("has operands of extents ")
           << total << " together along dimension " << dim
           << ", but the result has " << getType().getDimSize(dim);
  return success();
}

LogicalResult SliceOp::verify() {
  RankedTensorType from = getOperand().getType();
  size_t rank = from.getRank();
  if (getStarts().size() != rank || getLimits().size() != rank ||
      getStrides().size() != rank) // (C2)
    return emitOpError("has ")
           << getStarts().size() << " starts, " << getLimits().size()
           << " limits and " << getStrides().size()
           << " strides for an operand of rank " << rank;
  for (size_t i = 0; i < rank; ++i) { // (C3)
    int64_t start = getStarts()[i], limit = getLimits()[i];
    if (start < 0 || start >= limit || limit > from.getDimSize(i))
      return emitOpError("takes [")
             << start << ", " << limit << ") of dimension " << i
             << ", whose extent is " << from.getDimSize(i);
    if (getStrides()[i] < 1)
      return emitOpError("has stride ") << getStrides()[i] << " in dimension "
                                        << i << "; a stride is at least 1";
  }
  return verifyResultShape( // (C4)
      *this, sliced(from, getStarts(), getLimits(), getStrides()));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::verify() {
  RankedTensorType from = getOperand().getType();
  if (failed(verifyIncreasing(*this, getDims(), from.getRank()))) // (C2)
    return failure();
  if (getKind() == ReductionKind::sum &&
      from.getElementType().isInteger(1)) // (C4)
    return emitOpError("sums elements of type i1; cast them to a number first");
  return verifyResultShape(*this, withoutDims(from, getDims())); // (C3)
}

LogicalResult ArgReduceOp::verify() {
  RankedTensorType from = getOperand().getType();
  if (failed(verifyDim(*this, getDim(), from.getRank()))) // (C1)
    return failure();
  if (getKind() == ReductionKind::sum) // (C3)
    return emitOpError("has kind 'sum'; use 'max' or 'min'");
  return verifyResultShape(
      *this, withoutDims(from, {static_cast<int64_t>(getDim())})); // (C2)
}

SmallVector<int64_t> DotOp::getLhsFree() {
  return otherDims(getLhs().getType().getRank(), getLhsBatch(),
                   getLhsContract());
}

SmallVector<int64_t> DotOp::getRhsFree() {
  return otherDims(getRhs().getType().getRank(), getRhsBatch(),
                   getRhsContract());
}

/// Each of `batch` and `contract` is a dimension of `side`, named once.
static LogicalResult verifyDotDims(DotOp op, StringRef side, int64_t rank,
                                   ArrayRef<int64_t> batch,
                                   ArrayRef<int64_t> contract) {
  llvm::SmallBitVector seen(rank);
  for (int64_t dim : llvm::concat<const int64_t>(batch, contract)) {
    if (dim < 0 || dim >= rank)
      return op.emitOpError("names dimension ")
             << dim << " of " << side << ", whose rank is " << rank;
    if (seen.test(dim))
      return op.emitOpError("names dimension ")
             << dim << " of " << side << " twice";
    seen.set(dim);
  }
  return success();
}

static LogicalResult verifyDotPairs(DotOp op, StringRef what,
                                    ArrayRef<int64_t> lhs,
                                    ArrayRef<int64_t> rhs) {
  for (auto [l, r] : llvm::zip(lhs, rhs)) {
    int64_t lhsExtent = op.getLhs().getType().getDimSize(l);
    int64_t rhsExtent = op.getRhs().getType().getDimSize(r);
    if (lhsExtent == rhsExtent)
      continue;
    InFlightDiagnostic diag = op.emitOpError("has ")
                              << what << " dimensions of extents " << lhsExtent
                              << " and " << rhsExtent << ": dimension " << l
                              << " of " << shapeToString(op.getLhs().getType())
                              << " and dimension " << r << " of "
                              << shapeToString(op.getRhs().getType());
    diag.attachNote(op.getRhs().getLoc()) << "rhs comes from here";
    return diag;
  }
  return success();
}

LogicalResult DotOp::verify() {
  if (getLhsBatch().size() != getRhsBatch().size() ||
      getLhsContract().size() != getRhsContract().size()) // (C2)
    return emitOpError("names ")
           << getLhsBatch().size() << " batch and " << getLhsContract().size()
           << " contracting dimensions of lhs, but " << getRhsBatch().size()
           << " and " << getRhsContract().size() << " of rhs";
  if (failed(verifyDotDims(*this, "lhs", getLhs().getType().getRank(),
                           getLhsBatch(), getLhsContract())) ||
      failed(verifyDotDims(*this, "rhs", getRhs().getType().getRank(),
                           getRhsBatch(), getRhsContract()))) // (C3)
    return failure();
  if (failed(verifyDotPairs(*this, "batch", getLhsBatch(), getRhsBatch())) ||
      failed(verifyDotPairs(*this, "contracting", getLhsContract(),
                            getRhsContract()))) // (C4)
    return failure();
  return verifyResultShape( // (C5)
      *this, dotType(getLhs().getType(), getRhs().getType(), getLhsBatch(),
                     getRhsBatch(), getLhsContract(), getRhsContract()));
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

/// Logits are [N..., C] and labels [N...].
static LogicalResult verifyLabels(Operation *op, Value logits, Value labels) {
  auto logitsType = cast<RankedTensorType>(logits.getType());
  auto labelsType = cast<RankedTensorType>(labels.getType());
  if (logitsType.getRank() != labelsType.getRank() + 1) // (C3)
    return op->emitOpError("has logits of rank ")
           << logitsType.getRank() << " and labels of rank "
           << labelsType.getRank() << "; logits have one dimension more";
  ArrayRef<int64_t> rows = logitsType.getShape().drop_back();
  if (rows == labelsType.getShape()) // (C1)
    return success();
  InFlightDiagnostic diag = op->emitOpError("has ")
                            << shapeToString(rows) << " rows of logits but "
                            << shapeToString(labelsType) << " labels";
  diag.attachNote(labels.getLoc()) << "labels come from here";
  return diag;
}

LogicalResult SoftmaxCrossEntropyOp::verify() {
  if (failed(verifyLabels(*this, getLogits(), getLabels()))) // (C1), (C3)
    return failure();
  return verifyResultShape(*this,
                           withoutInnermostDim(getLogits().getType())); // (C2)
}

LogicalResult SoftmaxCrossEntropyGradOp::verify() {
  if (failed(verifyLabels(*this, getLogits(), getLabels()))) // (C1), (C3)
    return failure();
  RankedTensorType column = withoutInnermostDim(getLogits().getType());
  if (getDloss().getType().getShape() != column.getShape()) // (C2)
    return emitOpError("has dloss of shape ")
           << shapeToString(getDloss().getType()) << " for logits of shape "
           << shapeToString(getLogits().getType());
  return verifyResultShape(*this, getLogits().getType()); // (C4)
}

} // namespace mlc::graph
