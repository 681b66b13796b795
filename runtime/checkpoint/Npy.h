//===- Npy.h - NumPy's array files ----------------------------------------===//
#ifndef MLC_RUNTIME_CHECKPOINT_NPY_H
#define MLC_RUNTIME_CHECKPOINT_NPY_H

#include "runtime/checkpoint/Safetensors.h"

namespace mlrt {

/// A mapped .npy file.
class NpyFile {
public:
  /// Reads versions 1, 2 and 3, C order, little-endian f2 f4 f8 i4 i8, u1, b1.
  /// \returns kBadInput for anything else.
  static Result<NpyFile> open(const std::filesystem::path &path);

  /// `name` is the path.
  const NamedTensor &tensor() const { return array; }

private:
  NamedTensor array;
  MappedFile file;
};

/// Writes an array of `dtype`, which NumPy must know: bf16 is written as f4.
Status writeNpy(const std::filesystem::path &path, DType dtype,
                std::span<const int64_t> shape, const std::byte *data);

} // namespace mlrt

#endif // MLC_RUNTIME_CHECKPOINT_NPY_H
