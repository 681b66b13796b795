//===- Graph.cpp - A random graph as a list of nodes ----------------------===//

#include "test/random/Graph.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;

namespace mlc::randomgraph {

uint64_t Draw::next() {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

double Draw::uniform() {
  return std::ldexp(static_cast<double>(next() >> 11), -53);
}

Type elementType(MLIRContext *context, Element element) {
  switch (element) {
  case Element::f16:
    return Float16Type::get(context);
  case Element::bf16:
    return BFloat16Type::get(context);
  case Element::f32:
    return Float32Type::get(context);
  case Element::f64:
    return Float64Type::get(context);
  case Element::i32:
    return IntegerType::get(context, 32);
  case Element::i64:
    return IntegerType::get(context, 64);
  case Element::u8:
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case Element::i1:
    return IntegerType::get(context, 1);
  }
  llvm_unreachable("covered above");
}

Element elementOf(Type type) {
  for (int i = 0; i < kElementCount; ++i)
    if (elementType(type.getContext(), static_cast<Element>(i)) == type)
      return static_cast<Element>(i);
  llvm_unreachable("graph has no other element types");
}

int64_t Graph::countOps() const {
  return llvm::count_if(
      nodes, [](const Node &node) { return node.kind == Node::Kind::Op; });
}

} // namespace mlc::randomgraph
