//===- KernelBuilder.cpp - LLVM dialect, one line an instruction ----------===//
#include "codegen/cpu/KernelBuilder.h"

using namespace mlir;
namespace L = mlir::LLVM;

namespace mlc::cpu {

Type KernelBuilder::vec(Type element, unsigned lanes) {
  return lanes == 1 ? element : VectorType::get({int64_t(lanes)}, element);
}

Type KernelBuilder::element(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getElementType() : type;
}

unsigned KernelBuilder::lanesOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

L::FastmathFlags KernelBuilder::flags(Rounding r) {
  return r == Rounding::Contract ? L::FastmathFlags::contract
                                 : L::FastmathFlags::none;
}

unsigned KernelBuilder::alignmentOf(Type type) {
  Type scalar = element(type);
  return isa<L::LLVMPointerType>(scalar)
             ? 8
             : std::max(1u, scalar.getIntOrFloatBitWidth() / 8);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static Value splatConstant(KernelBuilder &k, Type type, TypedAttr scalar) {
  if (auto vector = dyn_cast<VectorType>(type))
    return L::ConstantOp::create(
        k.b, k.loc, type,
        DenseElementsAttr::get(vector, ArrayRef<Attribute>(scalar)));
  return L::ConstantOp::create(k.b, k.loc, type, scalar);
}

Value KernelBuilder::cf(Type type, double value) {
  return splatConstant(*this, type, b.getFloatAttr(element(type), value));
}

Value KernelBuilder::ci(Type type, int64_t value) {
  Type scalar = element(type);
  APInt bits(64, uint64_t(value), true);
  return splatConstant(
      *this, type,
      b.getIntegerAttr(scalar, bits.trunc(scalar.getIntOrFloatBitWidth())));
}

Value KernelBuilder::zero(Type type) {
  return isa<FloatType>(element(type)) ? cf(type, 0.0) : ci(type, 0);
}

//===----------------------------------------------------------------------===//
// Floating point
//===----------------------------------------------------------------------===//

Value KernelBuilder::fadd(Value x, Value y, Rounding r) {
  return L::FAddOp::create(b, loc, x, y, flags(r));
}
Value KernelBuilder::fsub(Value x, Value y, Rounding r) {
  return L::FSubOp::create(b, loc, x, y, flags(r));
}
Value KernelBuilder::fmul(Value x, Value y, Rounding r) {
  return L::FMulOp::create(b, loc, x, y, flags(r));
}
Value KernelBuilder::fdiv(Value x, Value y) {
  return L::FDivOp::create(b, loc, x, y);
}
Value KernelBuilder::fma(Value x, Value y, Value z) {
  return L::FMAOp::create(b, loc, x, y, z);
}
Value KernelBuilder::fneg(Value x) { return L::FNegOp::create(b, loc, x); }
Value KernelBuilder::fabs(Value x) { return L::FAbsOp::create(b, loc, x); }
Value KernelBuilder::fsqrt(Value x) { return L::SqrtOp::create(b, loc, x); }
Value KernelBuilder::rsqrt14(Value x) {
  Type type = x.getType();
  Value all = ci(b.getI16Type(), -1);
  return L::CallIntrinsicOp::create(
             b, loc, type, b.getStringAttr("llvm.x86.avx512.rsqrt14.ps.512"),
             ValueRange{x, zero(type), all})
      ->getResult(0);
}
Value KernelBuilder::ffloor(Value x) { return L::FFloorOp::create(b, loc, x); }
Value KernelBuilder::froundeven(Value x) {
  return L::RoundEvenOp::create(b, loc, x);
}
Value KernelBuilder::fcopysign(Value magnitude, Value sign) {
  return L::CopySignOp::create(b, loc, magnitude, sign);
}
Value KernelBuilder::fcmp(FPred predicate, Value x, Value y) {
  return L::FCmpOp::create(b, loc, like(i1(), x.getType()), predicate, x, y);
}
Value KernelBuilder::fpext(Value x, Type to) {
  return L::FPExtOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::fptrunc(Value x, Type to) {
  return L::FPTruncOp::create(b, loc, like(to, x.getType()), x);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value KernelBuilder::add(Value x, Value y) {
  return L::AddOp::create(b, loc, x, y);
}
Value KernelBuilder::sub(Value x, Value y) {
  return L::SubOp::create(b, loc, x, y);
}
Value KernelBuilder::mul(Value x, Value y) {
  return L::MulOp::create(b, loc, x, y);
}
Value KernelBuilder::sdiv(Value x, Value y) {
  return L::SDivOp::create(b, loc, x, y);
}
Value KernelBuilder::srem(Value x, Value y) {
  return L::SRemOp::create(b, loc, x, y);
}
Value KernelBuilder::udiv(Value x, Value y) {
  return L::UDivOp::create(b, loc, x, y);
}
Value KernelBuilder::urem(Value x, Value y) {
  return L::URemOp::create(b, loc, x, y);
}
Value KernelBuilder::shl(Value x, Value y) {
  return L::ShlOp::create(b, loc, x, y);
}
Value KernelBuilder::lshr(Value x, Value y) {
  return L::LShrOp::create(b, loc, x, y);
}
Value KernelBuilder::ashr(Value x, Value y) {
  return L::AShrOp::create(b, loc, x, y);
}
Value KernelBuilder::andi(Value x, Value y) {
  return L::AndOp::create(b, loc, x, y);
}
Value KernelBuilder::ori(Value x, Value y) {
  return L::OrOp::create(b, loc, x, y);
}
Value KernelBuilder::xori(Value x, Value y) {
  return L::XOrOp::create(b, loc, x, y);
}
Value KernelBuilder::noti(Value x) { return xori(x, ci(x.getType(), -1)); }
Value KernelBuilder::icmp(IPred predicate, Value x, Value y) {
  return L::ICmpOp::create(b, loc, like(i1(), x.getType()), predicate, x, y);
}
Value KernelBuilder::smin(Value x, Value y) {
  return L::SMinOp::create(b, loc, x, y);
}
Value KernelBuilder::sext(Value x, Type to) {
  return L::SExtOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::zext(Value x, Type to) {
  return L::ZExtOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::trunc(Value x, Type to) {
  return L::TruncOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::sitofp(Value x, Type to) {
  return L::SIToFPOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::fptosi(Value x, Type to) {
  return L::FPToSIOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::bitcast(Value x, Type to) {
  return L::BitcastOp::create(b, loc, like(to, x.getType()), x);
}
Value KernelBuilder::select(Value condition, Value x, Value y) {
  return L::SelectOp::create(b, loc, condition, x, y);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value KernelBuilder::splat(Value scalar, unsigned lanes) {
  if (lanes == 1)
    return scalar;
  Type type = vec(scalar.getType(), lanes);
  Value poison = L::PoisonOp::create(b, loc, type);
  SmallVector<int32_t> zeros(lanes, 0);
  return shuffle(insert(scalar, poison, 0), poison, zeros);
}
Value KernelBuilder::extract(Value vector, int64_t lane) {
  if (!isa<VectorType>(vector.getType()))
    return vector;
  return L::ExtractElementOp::create(b, loc, vector, index(lane));
}
Value KernelBuilder::insert(Value scalar, Value vector, int64_t lane) {
  return L::InsertElementOp::create(b, loc, vector, scalar, index(lane));
}
Value KernelBuilder::laneIndices(Type scalar, unsigned lanes) {
  if (lanes == 1)
    return zero(scalar);
  SmallVector<Attribute> values;
  for (unsigned lane = 0; lane < lanes; ++lane)
    values.push_back(b.getIntegerAttr(scalar, lane));
  auto type = cast<VectorType>(vec(scalar, lanes));
  return L::ConstantOp::create(b, loc, type,
                               DenseElementsAttr::get(type, values));
}
Value KernelBuilder::shuffle(Value x, Value y, ArrayRef<int32_t> mask) {
  return L::ShuffleVectorOp::create(b, loc, x, y, mask);
}
Value KernelBuilder::prefixMask(unsigned lanes, unsigned active) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), std::min(lanes, active), true);
  auto type = VectorType::get({int64_t(lanes)}, i1());
  return L::ConstantOp::create(b, loc, type,
                               DenseElementsAttr::get(type, bits));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::gep(Value base, Value offset, Type scalar) {
  Type type = like(ptr(), offset.getType());
  return L::GEPOp::create(b, loc, type, scalar, base, ValueRange{offset});
}
Value KernelBuilder::load(Type type, Value address, unsigned active) {
  unsigned lanes = lanesOf(type), alignment = alignmentOf(type);
  if (active >= lanes)
    return L::LoadOp::create(b, loc, type, address, alignment);
  if (active == 1)
    return insert(load(element(type), address), zero(type), 0);
  return L::MaskedLoadOp::create(
      b, loc, type, address, prefixMask(lanes, active), zero(type), alignment);
}
void KernelBuilder::store(Value value, Value address, unsigned active) {
  unsigned lanes = lanesOf(value.getType());
  unsigned alignment = alignmentOf(value.getType());
  if (active >= lanes)
    L::StoreOp::create(b, loc, value, address, alignment);
  else if (active == 1)
    // LLVM 22 turns a masked store of one truncated lane into a store of the
    // wide lane, which writes behind it.
    store(extract(value, 0), address);
  else
    L::MaskedStoreOp::create(b, loc, value, address, prefixMask(lanes, active),
                             alignment);
}
Value KernelBuilder::gather(Type type, Value base, Value offsets,
                            unsigned active) {
  return gatherWhere(type, base, offsets, prefixMask(lanesOf(type), active));
}
Value KernelBuilder::loadWhere(Type type, Value address, Value mask) {
  return L::MaskedLoadOp::create(b, loc, type, address, mask, zero(type),
                                 alignmentOf(type));
}
Value KernelBuilder::gatherWhere(Type type, Value base, Value offsets,
                                 Value mask) {
  return L::masked_gather::create(b, loc, type,
                                  gep(base, offsets, element(type)), mask,
                                  ValueRange{zero(type)}, alignmentOf(type));
}
void KernelBuilder::scatter(Value value, Value base, Value offsets,
                            unsigned active) {
  Type type = value.getType();
  L::masked_scatter::create(b, loc, value, gep(base, offsets, element(type)),
                            prefixMask(lanesOf(type), active),
                            alignmentOf(type));
}
Value KernelBuilder::stack(Type scalar, int64_t count) {
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.getInsertionBlock();
  b.setInsertionPointToStart(&block->getParent()->front());
  return L::AllocaOp::create(b, loc, ptr(), scalar, index(count), 64);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> KernelBuilder::loop(Value begin, Value end, int64_t step,
                                       ValueRange carried, LoopBody body) {
  Block *before = b.getInsertionBlock();
  Region *region = before->getParent();
  Block *header = b.createBlock(region, std::next(before->getIterator()));
  Block *inside = b.createBlock(region, std::next(header->getIterator()));
  Block *after = b.createBlock(region, std::next(inside->getIterator()));

  b.setInsertionPointToEnd(before);
  SmallVector<Value> initial{begin};
  initial.append(carried.begin(), carried.end());
  L::BrOp::create(b, loc, initial, header);
  for (Value value : initial)
    header->addArgument(value.getType(), loc);

  b.setInsertionPointToEnd(header);
  Value iv = header->getArgument(0);
  L::CondBrOp::create(b, loc, icmp(IPred::slt, iv, end), inside, after);

  b.setInsertionPointToEnd(inside);
  SmallVector<Value> next =
      body(iv, ValueRange(header->getArguments()).drop_front());
  next.insert(next.begin(), add(iv, index(step)));
  L::BrOp::create(b, loc, next, header);

  // `body` may have added blocks: keep the exit behind them.
  after->moveBefore(region, std::next(b.getInsertionBlock()->getIterator()));
  b.setInsertionPointToEnd(after);
  ValueRange results = ValueRange(header->getArguments()).drop_front();
  return SmallVector<Value>(results.begin(), results.end());
}

void KernelBuilder::loop(Value begin, Value end, int64_t step,
                         function_ref<void(Value)> body) {
  loop(begin, end, step, ValueRange{}, [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> body) {
  Block *before = b.getInsertionBlock();
  Region *region = before->getParent();
  Block *inside = b.createBlock(region, std::next(before->getIterator()));
  Block *after = b.createBlock(region, std::next(inside->getIterator()));
  b.setInsertionPointToEnd(before);
  L::CondBrOp::create(b, loc, condition, inside, after);
  b.setInsertionPointToEnd(inside);
  body();
  L::BrOp::create(b, loc, ValueRange{}, after);
  after->moveBefore(region, std::next(b.getInsertionBlock()->getIterator()));
  b.setInsertionPointToEnd(after);
}

} // namespace mlc::cpu
