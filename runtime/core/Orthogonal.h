//===- Orthogonal.h - Random matrices with orthonormal rows or columns ----===//
#ifndef MLC_RUNTIME_CORE_ORTHOGONAL_H
#define MLC_RUNTIME_CORE_ORTHOGONAL_H

#include <cstdint>
#include <span>

namespace mlrt {

/// Replaces the `rows` x `columns` matrix, row-major, by the factor Q of its
/// QR decomposition whose R has a diagonal above 0: orthonormal columns. With
/// fewer rows than columns it is the factor of the transpose, transposed:
/// orthonormal rows. Of independent normal numbers it makes a uniformly random
/// such matrix, as PyTorch's orthogonal_ does (Mezzadri, "How to generate
/// random matrices from the classical compact groups", 2007).
///
/// The result has the same bits on every machine. `matrix` has rows * columns
/// elements.
void orthonormalize(std::span<double> matrix, uint64_t rows, uint64_t columns);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_ORTHOGONAL_H
