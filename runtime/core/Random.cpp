//===- Random.cpp - Counter-based random numbers --------------------------===//

#include "runtime/core/Random.h"

#include "runtime/core/ElementaryMath.h"
#include "runtime/core/Float16.h"
#include "runtime/core/Hash.h"
#include "runtime/core/Orthogonal.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

namespace mlrt {

PhiloxKey keyOf(uint64_t seed, std::string_view path) {
  return splitKey(seed ^ hash64(path));
}

namespace {

enum class Kind {
  constant,
  uniform,
  normal,
  truncatedNormal,
  orthogonal,
  unknown
};

struct Distribution {
  Kind kind;
  double a, b;
};

Distribution resolve(const InitialValue &value) {
  if (value.kind == "zeros")
    return {Kind::constant, 0, 0};
  if (value.kind == "ones")
    return {Kind::constant, 1, 0};
  if (value.kind == "constant")
    return {Kind::constant, value.a, 0};
  if (value.kind == "uniform")
    return {Kind::uniform, value.a, value.b};
  if (value.kind == "normal")
    return {Kind::normal, value.a, value.b};
  if (value.kind == "truncated_normal")
    return {Kind::truncatedNormal, value.a, value.b};
  if (value.kind == "orthogonal")
    return {Kind::orthogonal, value.a, value.b};
  return {Kind::unknown, 0, 0};
}

PhiloxCounter blockAt(PhiloxKey key, uint64_t block, uint32_t attempt) {
  return philox4x32({static_cast<uint32_t>(block),
                     static_cast<uint32_t>(block >> 32), attempt, 0},
                    key);
}

double standardNormal(const PhiloxCounter &words, unsigned lane) {
  uint32_t first = words[lane & 2u], second = words[(lane & 2u) + 1];
  double radius = std::sqrt(-2.0 * logOfFraction(uint64_t{first} + 1));
  SinCos angle = sinCosOfTurn(second);
  return radius * ((lane & 1u) ? angle.sin : angle.cos);
}

double elementOf(const Distribution &d, PhiloxKey key,
                 const PhiloxCounter &words, uint64_t index) {
  unsigned lane = index % 4;
  switch (d.kind) {
  case Kind::uniform:
    return d.a +
           (d.b - d.a) * (static_cast<double>(words[lane] >> 8) * 0x1p-24);
  case Kind::normal:
    return d.a + d.b * standardNormal(words, lane);
  case Kind::truncatedNormal: {
    double z = standardNormal(words, lane);
    for (uint32_t attempt = 1; std::fabs(z) > 2; ++attempt)
      z = standardNormal(blockAt(key, index / 4, attempt), lane);
    return d.a + d.b * z;
  }
  case Kind::constant:
  case Kind::orthogonal: // of all elements together; see fillOrthogonal
  case Kind::unknown:
    break;
  }
  return d.a;
}

void store(DType dtype, void *out, uint64_t i, double value) {
  switch (dtype) {
  case DType::f32:
    static_cast<float *>(out)[i] = static_cast<float>(value);
    return;
  case DType::bf16:
    static_cast<uint16_t *>(out)[i] = floatToBf16(static_cast<float>(value));
    return;
  case DType::f16:
    static_cast<uint16_t *>(out)[i] = floatToF16(static_cast<float>(value));
    return;
  case DType::f64:
    static_cast<double *>(out)[i] = value;
    return;
  case DType::i32:
    static_cast<int32_t *>(out)[i] = static_cast<int32_t>(value);
    return;
  case DType::i64:
    static_cast<int64_t *>(out)[i] = static_cast<int64_t>(value);
    return;
  case DType::u8:
    static_cast<uint8_t *>(out)[i] = static_cast<uint8_t>(value);
    return;
  case DType::boolean:
    static_cast<uint8_t *>(out)[i] = value != 0;
    return;
  }
}

} // namespace

static void fillOrthogonal(const Distribution &d, PhiloxKey key, DType dtype,
                           uint64_t count, void *out) {
  std::vector<double> matrix(count);
  PhiloxCounter words{};
  for (uint64_t i = 0; i < count; ++i) {
    if (i % 4 == 0)
      words = blockAt(key, i / 4, 0);
    matrix[i] = standardNormal(words, i % 4);
  }
  auto columns = static_cast<uint64_t>(d.b);
  orthonormalize(matrix, count / columns, columns);
  for (uint64_t i = 0; i < count; ++i)
    store(dtype, out, i, d.a * matrix[i]);
}

bool isInitialValue(const InitialValue &value, uint64_t count) {
  Kind kind = resolve(value).kind;
  if (kind != Kind::orthogonal)
    return kind != Kind::unknown;
  // Checked before the conversion, which is undefined out of range.
  return value.b >= 1 && value.b <= static_cast<double>(count) &&
         value.b == std::floor(value.b) &&
         count % static_cast<uint64_t>(value.b) == 0;
}

double initialElement(const InitialValue &value, uint64_t seed,
                      std::string_view path, uint64_t index) {
  PhiloxKey key = keyOf(seed, path);
  return elementOf(resolve(value), key, blockAt(key, index / 4, 0), index);
}

Status fillInitial(const InitialValue &value, uint64_t seed,
                   std::string_view path, DType dtype, uint64_t count,
                   void *out) {
  Distribution distribution = resolve(value);
  if (!isInitialValue(value, count))
    return {StatusCode::kBadInput,
            "parameter " + std::string(path) +
                (distribution.kind == Kind::unknown
                     ? " has the unknown initializer '"
                     : " does not fit its initializer '") +
                std::string(value.kind) + "'"};
  if (distribution.kind == Kind::constant && distribution.a == 0) {
    std::memset(out, 0, count * sizeOf(dtype));
    return {};
  }
  PhiloxKey key = keyOf(seed, path);
  if (distribution.kind == Kind::orthogonal) {
    fillOrthogonal(distribution, key, dtype, count, out);
    return {};
  }
  bool random = distribution.kind != Kind::constant;
  PhiloxCounter words{};
  for (uint64_t i = 0; i < count; ++i) {
    if (random && i % 4 == 0)
      words = blockAt(key, i / 4, 0);
    store(dtype, out, i, elementOf(distribution, key, words, i));
  }
  return {};
}

void shuffledOrder(uint64_t seed, uint64_t epoch, std::span<uint32_t> order) {
  std::iota(order.begin(), order.end(), 0u);
  PhiloxKey key = keyOf(seed, "shuffle");
  auto [epochLow, epochHigh] = splitKey(epoch);
  PhiloxCounter words{};
  uint64_t held = ~uint64_t{0};
  for (uint64_t i = order.size(); i-- > 1;) {
    if (uint64_t block = i / 2; block != held) {
      words =
          philox4x32({static_cast<uint32_t>(block),
                      static_cast<uint32_t>(block >> 32), epochLow, epochHigh},
                     key);
      held = block;
    }
    unsigned lane = (i % 2) * 2;
    uint64_t word = words[lane] | (uint64_t{words[lane + 1]} << 32);
    auto j = static_cast<uint64_t>(
        (static_cast<unsigned __int128>(word) * (i + 1)) >> 64);
    std::swap(order[i], order[j]);
  }
}

} // namespace mlrt
