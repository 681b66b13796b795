//===- DataFile.h - The fuzzer's bytes as a file --------------------------===//
#ifndef MLC_TEST_FUZZ_DATAFILE_H
#define MLC_TEST_FUZZ_DATAFILE_H

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace mlrt::test {

/// Writes the bytes as `name` into this process's own folder, which goes when
/// the process ends, and gives the path.
std::filesystem::path dataFile(std::string_view name, const uint8_t *data,
                               size_t size);

} // namespace mlrt::test

#endif // MLC_TEST_FUZZ_DATAFILE_H
