//===- Safetensors.cpp - Named tensors in one file ------------------------===//

#include "runtime/checkpoint/Safetensors.h"

#include "runtime/core/Suggest.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>

namespace mlrt {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and mapped as they are");

static constexpr uint64_t kMaxHeaderBytes = 100'000'000; // as the reference

static constexpr std::string_view kNames[kDTypeCount] = {
    "F32", "BF16", "F16", "F64", "I32", "I64", "U8", "BOOL"};

size_t NamedTensor::sizeBytes() const {
  size_t bytes = sizeOf(dtype);
  for (int64_t extent : shape)
    bytes *= static_cast<size_t>(extent);
  return bytes;
}

std::string typeText(DType dtype, std::span<const int64_t> shape) {
  std::string text(nameOf(dtype));
  text += "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Status writeSafetensors(const std::filesystem::path &path,
                        std::span<const NamedTensor> tensors,
                        const Metadata &metadata) {
  std::vector<const NamedTensor *> order;
  for (const NamedTensor &tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto *a, const auto *b) {
    size_t left = sizeOf(a->dtype), right = sizeOf(b->dtype);
    return left != right ? left > right : a->name < b->name;
  });
  json header = json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  size_t offset = 0;
  for (const NamedTensor *tensor : order) {
    if (header.contains(tensor->name))
      return {StatusCode::kInvalidArgument,
              "two tensors are named '" + tensor->name + "'"};
    size_t end = offset + tensor->sizeBytes();
    header[tensor->name] = {
        {"dtype", kNames[static_cast<size_t>(tensor->dtype)]},
        {"shape", tensor->shape},
        {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text =
      header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');

  Result<AsideFile> file = AsideFile::create(path);
  if (!file.ok())
    return file.status();
  uint64_t length = text.size();
  MLRT_RETURN_IF_ERROR(file->write(&length, sizeof length));
  MLRT_RETURN_IF_ERROR(file->write(text.data(), text.size()));
  for (const NamedTensor *tensor : order)
    MLRT_RETURN_IF_ERROR(file->write(tensor->data, tensor->sizeBytes()));
  return file->commit();
}

namespace {

/// Reads one header; every failure leaves its reason in `why`.
class HeaderReader {
public:
  HeaderReader(const MappedFile &file, std::vector<NamedTensor> &list,
               Metadata &metadata)
      : file(file), list(list), metadata(metadata) {}

  bool read() {
    uint64_t length = 0;
    if (file.size() < sizeof length)
      return fail("it is too short for a header");
    std::memcpy(&length, file.data(), sizeof length);
    if (length > kMaxHeaderBytes || length > file.size() - sizeof length)
      return fail("its header would be " + std::to_string(length) +
                  " bytes long");
    const auto *text = reinterpret_cast<const char *>(file.data() + 8);
    if (length == 0 || text[0] != '{')
      return fail("its header is not a JSON object");
    json header;
    if (!parse(text, length, header))
      return false;
    data = file.data() + 8 + length;
    dataBytes = file.size() - 8 - length;
    for (const auto &[name, value] : header.items())
      if (!(name == "__metadata__" ? readMetadata(value)
                                   : readTensor(name, value)))
        return false;
    return checkCover();
  }

  std::string why;

private:
  bool fail(std::string reason) {
    why = std::move(reason);
    return false;
  }

  bool parse(const char *text, uint64_t length, json &header) {
    std::set<std::string> names;
    std::string twice;
    bool deep = false;
    auto check = [&](int depth, json::parse_event_t event, json &value) {
      deep |= depth > 4;
      if (event == json::parse_event_t::key && depth == 1 &&
          !names.insert(value.get<std::string>()).second)
        twice = value.get<std::string>();
      return depth <= 4;
    };
    header = json::parse(text, text + length, check, false);
    if (header.is_discarded() || !header.is_object() || deep)
      return fail("its header is not a JSON object of tensors");
    if (!twice.empty())
      return fail("its header names '" + twice + "' twice");
    return true;
  }

  bool readMetadata(const json &value) {
    if (!value.is_object())
      return fail("its __metadata__ is not an object");
    for (const auto &[key, entry] : value.items()) {
      if (!entry.is_string())
        return fail("its __metadata__ has '" + key + "' that is no text");
      metadata[key] = entry.get<std::string>();
    }
    return true;
  }

  bool readTensor(const std::string &name, const json &value) {
    auto bad = [&](const std::string &what) {
      return fail("tensor '" + name + "' " + what);
    };
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets"))
      return bad("must have dtype, shape and data_offsets, and no more");
    const json &dtype = value["dtype"], &shape = value["shape"],
               &offsets = value["data_offsets"];
    if (!dtype.is_string())
      return bad("has a dtype that is no text");
    NamedTensor tensor;
    tensor.name = name;
    const auto &typeName = dtype.get_ref<const std::string &>();
    const auto *known =
        std::find(std::begin(kNames), std::end(kNames), typeName);
    if (known == std::end(kNames))
      return bad("has dtype '" + typeName +
                 "', which is none of F32 F64 BF16 F16 I32 I64 U8 BOOL");
    tensor.dtype = static_cast<DType>(known - std::begin(kNames));
    if (!shape.is_array())
      return bad("has a shape that is no list");
    uint64_t bytes = sizeOf(tensor.dtype);
    for (const json &extent : shape) {
      if (!extent.is_number_unsigned())
        return bad("has a shape with something else than sizes");
      auto size = extent.get<uint64_t>();
      if (size > INT64_MAX || (size != 0 && bytes > UINT64_MAX / size))
        return bad("has a shape that is too large");
      bytes *= size;
      tensor.shape.push_back(static_cast<int64_t>(size));
    }
    if (!offsets.is_array() || offsets.size() != 2 ||
        !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
      return bad("has data_offsets that are not two sizes");
    auto begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
    if (begin > end || end > dataBytes)
      return bad("lies outside the file; it is cut off");
    if (end - begin != bytes)
      return bad("has " + std::to_string(end - begin) + " bytes, but " +
                 typeText(tensor.dtype, tensor.shape) + " takes " +
                 std::to_string(bytes));
    tensor.data = data + begin;
    list.push_back(std::move(tensor));
    return true;
  }

  /// The tensors must cover the data without gap or overlap.
  bool checkCover() {
    std::vector<const NamedTensor *> order;
    order.reserve(list.size());
    for (const NamedTensor &tensor : list)
      order.push_back(&tensor);
    std::sort(order.begin(), order.end(), [](const auto *a, const auto *b) {
      return a->data != b->data ? a->data < b->data
                                : a->sizeBytes() < b->sizeBytes();
    });
    const std::byte *at = data;
    for (const NamedTensor *tensor : order) {
      if (tensor->data != at)
        return fail("tensor '" + tensor->name +
                    "' does not follow the one before it");
      at += tensor->sizeBytes();
    }
    if (at != data + dataBytes)
      return fail("it has bytes that belong to no tensor");
    return true;
  }

  const MappedFile &file;
  std::vector<NamedTensor> &list;
  Metadata &metadata;
  const std::byte *data = nullptr;
  uint64_t dataBytes = 0;
};

} // namespace

Result<SafetensorsFile>
SafetensorsFile::open(const std::filesystem::path &path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped.ok())
    return mapped.status();
  SafetensorsFile file;
  file.name = path;
  file.file = std::move(*mapped);
  HeaderReader reader(file.file, file.list, file.entries);
  if (!reader.read())
    return Status(StatusCode::kBadInput,
                  "'" + path.string() + "' is no valid safetensors file: " +
                      reader.why + "; save or fetch it again");
  std::sort(file.list.begin(), file.list.end(),
            [](const auto &a, const auto &b) { return a.name < b.name; });
  return file;
}

const NamedTensor *SafetensorsFile::find(std::string_view tensor) const {
  auto at = std::lower_bound(
      list.begin(), list.end(), tensor,
      [](const NamedTensor &a, std::string_view b) { return a.name < b; });
  return at != list.end() && at->name == tensor ? &*at : nullptr;
}

Status SafetensorsFile::check(std::span<const NamedTensor> expected,
                              bool allowExtra) const {
  auto bad = [&](const std::string &what) {
    return Status(StatusCode::kBadInput, "'" + name.string() + "' " + what +
                                             "; give weights of this model");
  };
  std::set<std::string_view> wanted;
  std::vector<std::string> names;
  names.reserve(list.size());
  for (const NamedTensor &tensor : list)
    names.push_back(tensor.name);
  for (const NamedTensor &want : expected) {
    wanted.insert(want.name);
    const NamedTensor *have = find(want.name);
    if (!have)
      return bad("has no tensor '" + want.name + "'" +
                 didYouMean(want.name, names));
    if (have->dtype != want.dtype || have->shape != want.shape)
      return bad("has tensor '" + want.name + "' as " +
                 typeText(have->dtype, have->shape) + ", but the model has " +
                 typeText(want.dtype, want.shape));
  }
  if (!allowExtra)
    for (const NamedTensor &tensor : list)
      if (!wanted.contains(tensor.name))
        return bad("has tensor '" + tensor.name + "', which the model lacks");
  return {};
}

} // namespace mlrt
