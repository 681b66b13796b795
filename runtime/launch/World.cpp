//===- World.cpp - How many ranks there are, and which this process is ----===//
//
// The variables are those of torchrun (RANK, WORLD_SIZE, LOCAL_RANK,
// LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT), of Slurm's srun, and of Open
// MPI's mpirun.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/Launch.h"

#include <charconv>
#include <cstdlib>
#include <optional>

namespace mlrt {

std::string_view nameOf(CommKind kind) {
  switch (kind) {
  case CommKind::automatic:
    return "auto";
  case CommKind::threads:
    return "threads";
  case CommKind::shm:
    return "shm";
  case CommKind::gloo:
    return "gloo";
  }
  return "?";
}

namespace {

constexpr int kDefaultPort = 29500;

class Detector {
public:
  Detector(const LaunchOptions &newOptions, int newDefault,
           const ReadVariable &newVariable)
      : options(newOptions), defaultRanks(newDefault), variable(newVariable) {}

  Result<World> detect();

private:
  bool isSet(const char *name) const {
    const char *text = variable(name);
    return text != nullptr && *text != '\0';
  }
  std::string text(const char *name) const {
    return isSet(name) ? variable(name) : "";
  }
  /// The number in `name`; an error when it is none, or outside [low, high].
  Status read(const char *name, int low, int high, int &value) const;
  Status readRankAndSize(const char *rankName, const char *sizeName,
                         World &world) const;
  Status readLocal(const char *rankName, const char *sizeName,
                   World &world) const;
  Status readMaster(World &world) const;
  Result<World> fromRank() const;
  Result<World> fromSlurm() const;
  Result<World> fromOpenMpi() const;
  Result<World> external(World world) const;
  Result<World> local(int ranks, std::string source) const;
  Status disagrees(const World &world) const;
  std::string firstSlurmHost() const;

  const LaunchOptions &options;
  int defaultRanks;
  const ReadVariable &variable;
};

Status usage(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

Status Detector::read(const char *name, int low, int high, int &value) const {
  std::string value_ = text(name);
  const char *end = value_.data() + value_.size();
  auto [stop, error] = std::from_chars(value_.data(), end, value);
  if (error != std::errc() || stop != end || value < low || value > high)
    return usage(std::string("the variable ") + name + " is '" + value_ +
                 "', which is not a number from " + std::to_string(low) +
                 " to " + std::to_string(high));
  return Status();
}

Status Detector::readRankAndSize(const char *rankName, const char *sizeName,
                                 World &world) const {
  for (const char *missing : {rankName, sizeName}) {
    const char *given = missing == rankName ? sizeName : rankName;
    if (!isSet(missing))
      return usage(std::string("the variable ") + given + " is set, but " +
                   missing + " is not: set both, or neither");
  }
  MLRT_RETURN_IF_ERROR(read(sizeName, 1, 1 << 20, world.size));
  MLRT_RETURN_IF_ERROR(read(rankName, 0, 1 << 20, world.rank));
  if (world.rank >= world.size)
    return usage(std::string("the variable ") + rankName + " is " +
                 std::to_string(world.rank) + ", but " + sizeName + " is " +
                 std::to_string(world.size) + ": ranks count from 0");
  return Status();
}

Status Detector::readLocal(const char *rankName, const char *sizeName,
                           World &world) const {
  world.localRank = 0;
  world.localSize = 1;
  if (isSet(sizeName))
    MLRT_RETURN_IF_ERROR(read(sizeName, 1, world.size, world.localSize));
  if (isSet(rankName))
    MLRT_RETURN_IF_ERROR(read(rankName, 0, world.size - 1, world.localRank));
  if (isSet(sizeName) && world.localRank >= world.localSize)
    return usage(std::string("the variable ") + rankName + " is " +
                 std::to_string(world.localRank) + ", but " + sizeName +
                 " is " + std::to_string(world.localSize) +
                 ": local ranks count from 0");
  return Status();
}

Status Detector::readMaster(World &world) const {
  if (isSet("MASTER_ADDR"))
    world.masterAddress = text("MASTER_ADDR");
  if (world.masterPort == 0)
    world.masterPort = kDefaultPort;
  if (isSet("MASTER_PORT"))
    MLRT_RETURN_IF_ERROR(read("MASTER_PORT", 1, 65535, world.masterPort));
  if (world.masterAddress.empty() && world.size > 1)
    return usage("the ranks come from " + world.source +
                 ", but the variable MASTER_ADDR is not set: set it to the "
                 "name or address of rank 0's machine, on every rank");
  return Status();
}

/// "-n 4" next to a launcher that started another number of processes.
Status Detector::disagrees(const World &world) const {
  if (options.ranks == 0 || options.ranks == world.size)
    return Status();
  return usage("-n " + std::to_string(options.ranks) + ", but " + world.source +
               " says that there are " + std::to_string(world.size) +
               " ranks: leave out -n, or unset the variables");
}

Result<World> Detector::external(World world) const {
  if (world.size == 1) { // nobody to talk to
    Result<World> single =
        local(options.ranks ? options.ranks : 1, world.source);
    return single;
  }
  MLRT_RETURN_IF_ERROR(disagrees(world));
  MLRT_RETURN_IF_ERROR(readMaster(world));
  if (options.comm != CommKind::automatic && options.comm != CommKind::gloo)
    return usage("--comm " + std::string(nameOf(options.comm)) +
                 " joins only ranks that mlrun starts itself, but " +
                 world.source + " started them: use --comm gloo");
  world.comm = CommKind::gloo;
  world.external = true;
  return world;
}

Result<World> Detector::fromRank() const {
  World world;
  world.source = "RANK and WORLD_SIZE";
  MLRT_RETURN_IF_ERROR(readRankAndSize("RANK", "WORLD_SIZE", world));
  MLRT_RETURN_IF_ERROR(readLocal("LOCAL_RANK", "LOCAL_WORLD_SIZE", world));
  return external(std::move(world));
}

/// "node[03-07,9],other" -> "node03"
std::string Detector::firstSlurmHost() const {
  std::string list = text("SLURM_STEP_NODELIST");
  if (list.empty())
    list = text("SLURM_JOB_NODELIST");
  size_t bracket = list.find('[');
  size_t comma = list.find(',');
  if (bracket == std::string::npos || comma < bracket)
    return list.substr(0, comma);
  size_t end = list.find_first_of(",-]", bracket);
  return list.substr(0, bracket) +
         list.substr(bracket + 1,
                     end == std::string::npos ? end : end - bracket - 1);
}

Result<World> Detector::fromSlurm() const {
  World world;
  world.source = "Slurm";
  MLRT_RETURN_IF_ERROR(readRankAndSize("SLURM_PROCID", "SLURM_NTASKS", world));
  if (isSet("SLURM_LOCALID"))
    MLRT_RETURN_IF_ERROR(
        read("SLURM_LOCALID", 0, world.size - 1, world.localRank));
  int nodes = 0;
  if (isSet("SLURM_NNODES"))
    MLRT_RETURN_IF_ERROR(read("SLURM_NNODES", 1, 1 << 20, nodes));
  world.localSize = nodes == 1 ? world.size : world.localRank + 1;
  world.masterAddress = nodes == 1 ? "127.0.0.1" : firstSlurmHost();
  if (isSet("SLURM_JOB_ID")) { // two jobs may share a machine
    int job = 0;
    MLRT_RETURN_IF_ERROR(read("SLURM_JOB_ID", 0, 2147483647, job));
    world.masterPort = 20000 + job % 10000;
  }
  return external(std::move(world));
}

Result<World> Detector::fromOpenMpi() const {
  World world;
  world.source = "Open MPI";
  MLRT_RETURN_IF_ERROR(
      readRankAndSize("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", world));
  MLRT_RETURN_IF_ERROR(readLocal("OMPI_COMM_WORLD_LOCAL_RANK",
                                 "OMPI_COMM_WORLD_LOCAL_SIZE", world));
  if (world.localSize == world.size)
    world.masterAddress = "127.0.0.1";
  return external(std::move(world));
}

Result<World> Detector::local(int ranks, std::string source) const {
  if (ranks < 1 || ranks > 1024)
    return usage("-n " + std::to_string(ranks) +
                 ": from 1 to 1024 ranks are possible on one machine");
  World world;
  world.size = world.localSize = ranks;
  world.source = std::move(source);
  world.comm = options.comm != CommKind::automatic ? options.comm
               : ranks == 1                        ? CommKind::threads
                                                   : CommKind::shm;
  if (world.comm == CommKind::gloo && isSet("MASTER_PORT"))
    MLRT_RETURN_IF_ERROR(read("MASTER_PORT", 1, 65535, world.masterPort));
  return world;
}

Result<World> Detector::detect() {
  if (isSet("RANK") || isSet("WORLD_SIZE"))
    return fromRank();
  // A batch script has SLURM_PROCID too, and may start mlrun -n by itself; only
  // srun sets SLURM_STEP_ID.
  bool scriptStarts = options.ranks != 0 && !isSet("SLURM_STEP_ID");
  if (isSet("SLURM_PROCID") && !scriptStarts)
    return fromSlurm();
  if (isSet("OMPI_COMM_WORLD_RANK") || isSet("OMPI_COMM_WORLD_SIZE"))
    return fromOpenMpi();
  if (options.ranks != 0)
    return local(options.ranks, "-n");
  return local(defaultRanks, "the mesh");
}

} // namespace

Result<World> detectWorld(const LaunchOptions &options, int defaultRanks,
                          const ReadVariable &variable) {
  if (!(options.timeoutSeconds > 0))
    return usage("--timeout must be above 0 seconds");
  ReadVariable environment = [](const char *name) -> const char * {
    return std::getenv(name);
  };
  return Detector(options, defaultRanks, variable ? variable : environment)
      .detect();
}

} // namespace mlrt
