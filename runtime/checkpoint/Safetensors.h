//===- Safetensors.h - Named tensors in one file --------------------------===//
//
// u64 length of the header, little-endian; the header, JSON; the tensors
// (https://huggingface.co/docs/safetensors). Headers are data of strangers:
// everything in them is checked before use.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CHECKPOINT_SAFETENSORS_H
#define MLC_RUNTIME_CHECKPOINT_SAFETENSORS_H

#include "runtime/core/DType.h"
#include "runtime/core/File.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mlrt {

/// A tensor's description, and its elements in C order.
struct NamedTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  const std::byte *data = nullptr;

  /// Bytes of the elements.
  size_t sizeBytes() const;
};

/// "f32[10, 64]".
std::string typeText(DType dtype, std::span<const int64_t> shape);

using Metadata = std::map<std::string, std::string>;

/// Writes `tensors` aside and renames; wide types first, then by name, so that
/// all are aligned. \returns kRunFailed for a full disk, kInvalidArgument for
/// two tensors of one name.
Status writeSafetensors(const std::filesystem::path &path,
                        std::span<const NamedTensor> tensors,
                        const Metadata &metadata = {});

/// A mapped safetensors file; the tensors' data point into it.
class SafetensorsFile {
public:
  /// \returns kBadInput for a file that is absent or not exactly in form.
  static Result<SafetensorsFile> open(const std::filesystem::path &path);

  const std::filesystem::path &path() const { return name; }
  /// By name.
  const std::vector<NamedTensor> &tensors() const { return list; }
  const Metadata &metadata() const { return entries; }
  const MappedFile &bytes() const { return file; }

  /// Null where there is none.
  const NamedTensor *find(std::string_view tensor) const;

  /// Whether the file has exactly `expected` (data is not read), or with
  /// `allowExtra` at least these. \returns kBadInput naming the missing, extra
  /// or mis-shaped tensor.
  Status check(std::span<const NamedTensor> expected,
               bool allowExtra = false) const;

private:
  std::filesystem::path name;
  MappedFile file;
  std::vector<NamedTensor> list;
  Metadata entries;
};

} // namespace mlrt

#endif // MLC_RUNTIME_CHECKPOINT_SAFETENSORS_H
