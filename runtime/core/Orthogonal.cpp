//===- Orthogonal.cpp - Random matrices with orthonormal rows or columns --===//
//
// Householder's reflections (Golub and Van Loan, "Matrix Computations", 5.2).
// Columns lie one after another and are reflected in panels, so that a
// reflection is read from memory once for several columns; what a column goes
// through, and so its bits, does not depend on the panels. Only sums, products,
// quotients and square roots, each rounded by itself in a fixed order.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Orthogonal.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace mlrt {

namespace {

constexpr uint64_t kPanel = 16;

// In eight sums, which any vector width can keep apart.
double dot(const double *x, const double *y, uint64_t count) {
  double sums[8] = {};
  uint64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (uint64_t lane = 0; lane < 8; ++lane)
      sums[lane] += x[i + lane] * y[i + lane];
  for (uint64_t lane = 0; i < count; ++i, ++lane)
    sums[lane] += x[i] * y[i];
  for (uint64_t width = 4; width > 0; width /= 2)
    for (uint64_t lane = 0; lane < width; ++lane)
      sums[lane] += sums[lane + width];
  return sums[0];
}

/// The columns of a matrix, `length` elements each, one after another.
struct Columns {
  std::vector<double> elements;
  uint64_t length, count;

  double *column(uint64_t j) { return elements.data() + j * length; }
};

/// Reflection k maps x to x - scale v (v . x), v being 0 before element k.
struct Reflections {
  Columns vectors;
  std::vector<double> scales;

  void apply(uint64_t k, double *x) {
    const double *v = vectors.column(k);
    uint64_t length = vectors.length;
    double along = scales[k] * dot(v + k, x + k, length - k);
    for (uint64_t i = k; i < length; ++i)
      x[i] -= along * v[i];
  }

  /// Makes reflection k of the column that the ones before it have reached:
  /// it leaves element k alone, which becomes `diagonal`.
  void make(uint64_t k, double &diagonal) {
    double *v = vectors.column(k);
    double norm = std::sqrt(dot(v + k, v + k, vectors.length - k));
    diagonal = v[k] > 0 ? -norm : norm;
    v[k] -= diagonal;
    // |v|^2 = 2 norm (norm + |x_k|)
    double square = norm * std::fabs(v[k]);
    scales[k] = square > 0 ? 1 / square : 0; // a column of zeros stays
  }
};

} // namespace

void orthonormalize(std::span<double> matrix, uint64_t rows, uint64_t columns) {
  bool wide = rows < columns;
  uint64_t length = std::max(rows, columns), count = std::min(rows, columns);
  Reflections all{{std::vector<double>(matrix.size()), length, count},
                  std::vector<double>(count)};
  // A row of a wide matrix is a column of its transpose.
  auto place = [&](uint64_t j, uint64_t i) -> double & {
    return matrix[wide ? j * columns + i : i * columns + j];
  };
  for (uint64_t j = 0; j < count; ++j)
    for (uint64_t i = 0; i < length; ++i)
      all.vectors.column(j)[i] = place(j, i);

  std::vector<double> diagonal(count);
  for (uint64_t first = 0; first < count; first += kPanel) {
    uint64_t last = std::min(count, first + kPanel);
    for (uint64_t k = 0; k < first; ++k)
      for (uint64_t j = first; j < last; ++j)
        all.apply(k, all.vectors.column(j));
    for (uint64_t j = first; j < last; ++j) {
      for (uint64_t k = first; k < j; ++k)
        all.apply(k, all.vectors.column(j));
      all.make(j, diagonal[j]);
    }
  }

  // Q = H_0 H_1 ... I, a column of I at a time; H_k with k > j leaves e_j.
  std::vector<double> panel(kPanel * length);
  for (uint64_t first = 0; first < count; first += kPanel) {
    uint64_t last = std::min(count, first + kPanel);
    std::fill(panel.begin(), panel.end(), 0.0);
    for (uint64_t j = first; j < last; ++j)
      panel[(j - first) * length + j] = 1;
    for (uint64_t k = last; k-- > 0;)
      for (uint64_t j = std::max(first, k); j < last; ++j)
        all.apply(k, panel.data() + (j - first) * length);
    for (uint64_t j = first; j < last; ++j)
      for (uint64_t i = 0; i < length; ++i) {
        double element = panel[(j - first) * length + i];
        place(j, i) = diagonal[j] < 0 ? -element : element;
      }
  }
}

} // namespace mlrt
