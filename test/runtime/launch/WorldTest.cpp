//===- WorldTest.cpp - Finding the ranks in options and variables ---------===//

#include "runtime/launch/Launch.h"

#include "gtest/gtest.h"

#include <map>

using namespace mlrt;

namespace {

using Variables = std::map<std::string, std::string>;

Result<World> detect(const Variables &variables, LaunchOptions options = {},
                     int meshSize = 1) {
  return detectWorld(options, meshSize, [&](const char *name) -> const char * {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

LaunchOptions withRanks(int ranks, CommKind comm = CommKind::automatic) {
  LaunchOptions options;
  options.ranks = ranks;
  options.comm = comm;
  return options;
}

void expectUsageError(const Result<World> &world,
                      std::initializer_list<const char *> parts) {
  ASSERT_FALSE(world.ok());
  EXPECT_EQ(world.status().code(), StatusCode::kInvalidArgument);
  for (const char *part : parts)
    EXPECT_NE(world.status().message().find(part), std::string::npos)
        << "'" << part << "' is not in: " << world.status().message();
}

TEST(WorldTest, aloneByDefault) {
  Result<World> world = detect({});
  ASSERT_TRUE(world.ok());
  EXPECT_EQ(world->size, 1);
  EXPECT_FALSE(world->external);
  EXPECT_EQ(world->comm, CommKind::threads);
}

TEST(WorldTest, theMeshSaysHowMany) {
  Result<World> world = detect({}, {}, 4);
  ASSERT_TRUE(world.ok());
  EXPECT_EQ(world->size, 4);
  EXPECT_EQ(world->comm, CommKind::shm);
}

TEST(WorldTest, theOptionWinsOverTheMesh) {
  Result<World> world = detect({}, withRanks(2, CommKind::gloo), 4);
  ASSERT_TRUE(world.ok());
  EXPECT_EQ(world->size, 2);
  EXPECT_EQ(world->comm, CommKind::gloo);
}

TEST(WorldTest, rejectsImpossibleNumbers) {
  expectUsageError(detect({}, withRanks(-1)), {"-n -1"});
  expectUsageError(detect({}, withRanks(5000)), {"-n 5000"});
  LaunchOptions options;
  options.timeoutSeconds = 0;
  expectUsageError(detect({}, options), {"--timeout"});
}

TEST(WorldTest, readsRankAndWorldSize) {
  Result<World> world = detect({{"RANK", "3"},
                                {"WORLD_SIZE", "4"},
                                {"LOCAL_RANK", "1"},
                                {"LOCAL_WORLD_SIZE", "2"},
                                {"MASTER_ADDR", "host"},
                                {"MASTER_PORT", "1234"}});
  ASSERT_TRUE(world.ok()) << world.status().message();
  EXPECT_EQ(world->rank, 3);
  EXPECT_EQ(world->size, 4);
  EXPECT_EQ(world->localRank, 1);
  EXPECT_EQ(world->localSize, 2);
  EXPECT_TRUE(world->external);
  EXPECT_EQ(world->comm, CommKind::gloo);
  EXPECT_EQ(world->masterAddress, "host");
  EXPECT_EQ(world->masterPort, 1234);
}

TEST(WorldTest, partialSetsAreErrors) {
  expectUsageError(detect({{"RANK", "0"}}), {"RANK", "WORLD_SIZE", "set both"});
  expectUsageError(detect({{"WORLD_SIZE", "2"}}), {"RANK", "WORLD_SIZE"});
  expectUsageError(detect({{"RANK", "0"}, {"WORLD_SIZE", "2"}}),
                   {"MASTER_ADDR"});
  expectUsageError(detect({{"OMPI_COMM_WORLD_RANK", "0"}}),
                   {"OMPI_COMM_WORLD_SIZE"});
  expectUsageError(detect({{"SLURM_PROCID", "0"}}), {"SLURM_NTASKS"});
}

TEST(WorldTest, contradictionsAreErrors) {
  Variables two = {{"RANK", "2"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "host"}};
  expectUsageError(detect(two), {"RANK is 2", "WORLD_SIZE is 2"});
  two["RANK"] = "1";
  expectUsageError(detect(two, withRanks(3)), {"-n 3", "2 ranks"});
  expectUsageError(detect(two, withRanks(2, CommKind::shm)),
                   {"--comm shm", "--comm gloo"});
  two["LOCAL_RANK"] = "1";
  two["LOCAL_WORLD_SIZE"] = "1";
  expectUsageError(detect(two), {"LOCAL_RANK", "LOCAL_WORLD_SIZE"});
}

TEST(WorldTest, garbageIsAnError) {
  for (const char *bad : {"x", "1x", "-1", "99999999999", " 1", "1.0"})
    expectUsageError(
        detect({{"RANK", bad}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}}),
        {"RANK", bad});
  expectUsageError(detect({{"RANK", "0"},
                           {"WORLD_SIZE", "2"},
                           {"MASTER_ADDR", "h"},
                           {"MASTER_PORT", "70000"}}),
                   {"MASTER_PORT", "70000"});
}

TEST(WorldTest, aWorldOfOneNeedsNobody) {
  Result<World> world = detect({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
  ASSERT_TRUE(world.ok()) << world.status().message();
  EXPECT_FALSE(world->external);
}

TEST(WorldTest, readsSlurm) {
  Variables slurm = {{"SLURM_PROCID", "5"},
                     {"SLURM_NTASKS", "8"},
                     {"SLURM_LOCALID", "1"},
                     {"SLURM_NNODES", "4"},
                     {"SLURM_STEP_ID", "0"},
                     {"SLURM_JOB_ID", "31234"},
                     {"SLURM_STEP_NODELIST", "node[03-05,09],other"}};
  Result<World> world = detect(slurm);
  ASSERT_TRUE(world.ok()) << world.status().message();
  EXPECT_EQ(world->rank, 5);
  EXPECT_EQ(world->size, 8);
  EXPECT_EQ(world->localRank, 1);
  EXPECT_EQ(world->masterAddress, "node03");
  EXPECT_EQ(world->masterPort, 20000 + 1234);
  slurm["SLURM_STEP_NODELIST"] = "a1,b2";
  EXPECT_EQ(detect(slurm)->masterAddress, "a1");
  slurm["SLURM_STEP_NODELIST"] = "alone";
  EXPECT_EQ(detect(slurm)->masterAddress, "alone");
  slurm["MASTER_ADDR"] = "10.0.0.1";
  EXPECT_EQ(detect(slurm)->masterAddress, "10.0.0.1");
  // RANK and WORLD_SIZE come first.
  slurm["RANK"] = "0";
  slurm["WORLD_SIZE"] = "2";
  EXPECT_EQ(detect(slurm)->size, 2);
}

TEST(WorldTest, aBatchScriptMayStartItsOwnRanks) {
  Result<World> world =
      detect({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "1"}}, withRanks(4));
  ASSERT_TRUE(world.ok()) << world.status().message();
  EXPECT_EQ(world->size, 4);
  EXPECT_FALSE(world->external);
}

TEST(WorldTest, readsOpenMpi) {
  Variables mpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                   {"OMPI_COMM_WORLD_SIZE", "2"},
                   {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                   {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  Result<World> world = detect(mpi);
  ASSERT_TRUE(world.ok()) << world.status().message();
  EXPECT_EQ(world->rank, 1);
  EXPECT_EQ(world->masterAddress, "127.0.0.1");
  mpi["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  mpi["OMPI_COMM_WORLD_LOCAL_RANK"] = "0";
  expectUsageError(detect(mpi), {"Open MPI", "MASTER_ADDR"});
}

} // namespace
