//===- Plan.h - A verified plan -------------------------------------------===//
//
// A Plan in hand has been verified in structure (FlatBuffers' verifier) and in
// meaning: every index is in range, every reference stays inside its buffer and
// every buffer inside the arena, kernels get the arguments they ask for, and
// collectives come in one order. What uses it need not check again.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_EXEC_PLAN_H
#define MLC_RUNTIME_EXEC_PLAN_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mlrt {

namespace schema {
struct Plan;
struct Kernel;
struct Program;
} // namespace schema

/// Plans of a newer major version are refused.
inline constexpr uint16_t kPlanVersionMajor = 1;
/// Loops inside one another, at most.
inline constexpr int kMaxLoopDepth = 4;

class Plan {
public:
  /// Reads and verifies the file `path`.
  ///
  /// \returns kBadInput for a file that is missing, no plan, damaged, or of a
  ///   newer version; the message begins with the path.
  static Result<Plan> load(const std::string &path);
  /// The same for bytes in memory; `name` stands for the path.
  static Result<Plan> fromBytes(std::vector<std::byte> bytes, std::string name);

  const schema::Plan &root() const { return *plan; }
  const schema::Plan *operator->() const { return plan; }
  const std::string &path() const { return name; }
  /// The ELF shared object inside.
  std::span<const std::byte> code() const;

  /// The program `role` (train, eval, infer), or null.
  const schema::Program *program(std::string_view role) const;
  /// "digits.mlg:10:8", or "" for -1.
  std::string location(int index) const;
  /// The same, and "in layer linear (layers.mlg:9:12)" where it is inside one.
  std::string describeLocation(int index) const;
  /// The size of the axis `data`; -1 where it is elastic, 1 where there is
  /// none.
  int dataAxisSize() const;

  /// kUnavailable, naming the first feature, unless this CPU runs the code.
  Status checkMachine() const;

private:
  std::vector<std::byte> bytes;
  std::string name;
  const schema::Plan *plan = nullptr;
};

/// XXH3-64 of `file` with the eight bytes at `digestOffset` taken as zero.
uint64_t planDigest(std::span<const std::byte> file, size_t digestOffset);
/// Where the digest of a structurally valid plan lies; 0 where it has none.
size_t digestOffsetOf(std::span<const std::byte> file);

/// Verifies meaning; the file's structure must be valid already. Messages say
/// what is wrong, without the path.
Status verifyMeaning(const schema::Plan &plan);

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_PLAN_H
