//===- Literal.cpp - A tensor's values in the compiler --------------------===//

#include "ir/graph/Literal.h"
#include "llvm/ADT/STLExtras.h"
#include <bit>
#include <cmath>

using namespace mlir;

namespace mlc::graph {

Literal::Literal(RankedTensorType tensor)
    : type(RankedTensorType::get(tensor.getShape(), tensor.getElementType())) {
  if (isFloat())
    floats.assign(size(), 0.0);
  else
    ints.assign(size(), 0);
}

static double toDouble(APFloat value) {
  bool lossy = false;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  return value.convertToDouble();
}

Literal Literal::fromAttr(DenseElementsAttr value) {
  Literal literal(cast<RankedTensorType>(value.getType()));
  int64_t index = 0;
  if (literal.isFloat()) {
    for (const APFloat &element : value.getValues<APFloat>())
      literal.floats[index++] = toDouble(element);
    return literal;
  }
  Type element = literal.getElementType();
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  for (const APInt &number : value.getValues<APInt>())
    literal.ints[index++] = isUnsigned
                                ? static_cast<int64_t>(number.getZExtValue())
                                : number.getSExtValue();
  return literal;
}

Literal Literal::scalar(Type element, double value) {
  Literal literal(RankedTensorType::get({}, element));
  if (literal.isFloat())
    literal.floats[0] = value;
  else
    literal.ints[0] = static_cast<int64_t>(value);
  return literal;
}

void Literal::copyElement(int64_t to, const Literal &source, int64_t from) {
  if (isFloat())
    floats[to] = source.floats[from];
  else
    ints[to] = source.ints[from];
}

Literal Literal::slice(int64_t dim, int64_t begin, int64_t end) const {
  SmallVector<int64_t> shape(getShape());
  shape[dim] = end - begin;
  Literal part(RankedTensorType::get(shape, getElementType()));
  SmallVector<int64_t> strides = stridesOf(getShape());
  int64_t to = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t from = begin * strides[dim];
    for (auto [i, stride] : llvm::zip(index, strides))
      from += i * stride;
    part.copyElement(to++, *this, from);
  });
  return part;
}

Literal Literal::sliceAt(int64_t index) const {
  Literal part(
      RankedTensorType::get(getShape().drop_front(), getElementType()));
  for (int64_t i = 0, size = part.size(); i < size; ++i)
    part.copyElement(i, *this, index * size + i);
  return part;
}

void Literal::setSlice(int64_t index, const Literal &value) {
  for (int64_t i = 0, size = value.size(); i < size; ++i)
    copyElement(index * size + i, value, i);
}

Literal Literal::concat(ArrayRef<Literal> parts, int64_t dim) {
  SmallVector<int64_t> shape(parts.front().getShape());
  shape[dim] = 0;
  for (const Literal &part : parts)
    shape[dim] += part.getShape()[dim];
  Literal whole(RankedTensorType::get(shape, parts.front().getElementType()));
  SmallVector<int64_t> strides = stridesOf(shape);
  int64_t begin = 0;
  for (const Literal &part : parts) {
    int64_t from = 0;
    forEachIndex(part.getShape(), [&](ArrayRef<int64_t> index) {
      int64_t to = begin * strides[dim];
      for (auto [i, stride] : llvm::zip(index, strides))
        to += i * stride;
      whole.copyElement(to, part, from++);
    });
    begin += part.getShape()[dim];
  }
  return whole;
}

bool Literal::identical(const Literal &other) const {
  if (type != other.type || ints != other.ints)
    return false;
  return llvm::all_of(llvm::zip_equal(floats, other.floats), [](auto pair) {
    auto [a, b] = pair;
    return (std::isnan(a) && std::isnan(b)) ||
           std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  });
}

double roundFloat(Type element, double value, EvalOptions options) {
  if (options.f64 || element.isF64())
    return value;
  if (element.isF32())
    return static_cast<double>(static_cast<float>(value));
  APFloat rounded(value);
  bool lossy = false;
  rounded.convert(cast<FloatType>(element).getFloatSemantics(),
                  APFloat::rmNearestTiesToEven, &lossy);
  return toDouble(rounded);
}

int64_t wrapInteger(Type element, int64_t value) {
  auto integer = cast<IntegerType>(element);
  if (integer.getWidth() == 64)
    return value;
  uint64_t mask = (uint64_t{1} << integer.getWidth()) - 1;
  uint64_t low = static_cast<uint64_t>(value) & mask;
  bool isUnsigned = integer.isUnsigned() || integer.getWidth() == 1;
  uint64_t sign = uint64_t{1} << (integer.getWidth() - 1);
  if (!isUnsigned && (low & sign) != 0)
    low |= ~mask;
  return static_cast<int64_t>(low);
}

double combineFloat(ReductionKind kind, Type element, double a, double b,
                    EvalOptions options) {
  if (kind == ReductionKind::sum)
    return roundFloat(element, a + b, options);
  if (std::isnan(a) || std::isnan(b))
    return std::nan("");
  return kind == ReductionKind::max ? std::max(a, b) : std::min(a, b);
}

int64_t combineInteger(ReductionKind kind, Type element, int64_t a, int64_t b) {
  if (kind == ReductionKind::sum)
    return wrapInteger(element, static_cast<int64_t>(static_cast<uint64_t>(a) +
                                                     static_cast<uint64_t>(b)));
  return kind == ReductionKind::max ? std::max(a, b) : std::min(a, b);
}

Literal combine(ReductionKind kind, const Literal &a, const Literal &b,
                EvalOptions options) {
  Literal result(a.getType());
  for (int64_t i = 0; i < a.size(); ++i)
    if (a.isFloat())
      result.floats[i] = combineFloat(kind, a.getElementType(), a.floats[i],
                                      b.floats[i], options);
    else
      result.ints[i] =
          combineInteger(kind, a.getElementType(), a.ints[i], b.ints[i]);
  return result;
}

SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i)
    strides[i - 2] = strides[i - 1] * shape[i - 1];
  return strides;
}

void forEachIndex(ArrayRef<int64_t> shape,
                  function_ref<void(ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> index(shape.size(), 0);
  if (llvm::is_contained(shape, 0))
    return;
  while (true) {
    visit(index);
    size_t dim = shape.size();
    while (dim > 0 && ++index[dim - 1] == shape[dim - 1])
      index[--dim] = 0;
    if (dim == 0)
      return;
  }
}

} // namespace mlc::graph
