//===- PlanTest.cpp - What a plan must mean -------------------------------===//

#include "SamplePlan.h"

#include "runtime/exec/Executor.h"
#include "runtime/exec/Plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace mlrt::test {
namespace {

using schema::PlanT;

/// One thing wrong in the sample plan, and what the loader says.
struct Mistake {
  const char *name;
  std::function<void(PlanT &)> make;
  const char *message;
};

// Places in the sample plan.
schema::ProgramT &train(PlanT &plan) { return *plan.programs[0]; }
schema::ProgramT &infer(PlanT &plan) { return *plan.programs[2]; }
schema::LoopT &loop(PlanT &plan) {
  return *train(plan).steps[1]->kind.AsLoop();
}
schema::LoopT &innerLoop(PlanT &plan) {
  return *loop(plan).body[0]->kind.AsLoop();
}
schema::AllReduceT &reduce(PlanT &plan) {
  return *train(plan).steps[2]->kind.AsAllReduce();
}
schema::CallT &call(PlanT &plan) {
  return *train(plan).steps[3]->kind.AsCall();
}
schema::CopyT &copy(PlanT &plan) {
  return *train(plan).steps[4]->kind.AsCopy();
}

const Mistake kMistakes[] = {
    {"NoCode", [](PlanT &p) { p.code.clear(); }, "a part is missing"},
    {"UnknownSumOrder",
     [](PlanT &p) { p.sum = static_cast<schema::SumOrder>(2); },
     "order of sums is unknown"},
    {"UnknownDType",
     [](PlanT &p) { p.buffers[0]->dtype = static_cast<schema::DType>(8); },
     "does not fit its bytes"},
    {"AxisOfNoSize", [](PlanT &p) { p.mesh[0]->size = 0; }, "has the size 0"},
    {"ArenaTooSmall", [](PlanT &p) { p.arena_bytes -= 64; },
     "lies outside the arena"},
    {"ArenaTooLarge", [](PlanT &p) { p.arena_bytes += 64; }, "its buffers end"},
    {"BufferOutside", [](PlanT &p) { p.buffers[0]->offset = ~uint64_t{63}; },
     "lies outside the arena"},
    {"BufferMisaligned", [](PlanT &p) { p.buffers.back()->offset -= 1; },
     "is not aligned"},
    {"BuffersOverlap", [](PlanT &p) { p.buffers[1]->offset = 64; },
     "begins inside another one"},
    {"NegativeExtent", [](PlanT &p) { p.buffers[0]->shape[0] = -4; },
     "does not fit its bytes"},
    {"ShapeOverflows",
     [](PlanT &p) { p.buffers[0]->shape = {int64_t{1} << 62, 4}; },
     "does not fit its bytes"},
    {"RingOfNoSlots", [](PlanT &p) { p.buffers[3]->slots = 0; },
     "has impossible slots"},
    {"RingSlotsOverlap", [](PlanT &p) { p.buffers[3]->slot_stride = 0; },
     "has impossible slots"},
    {"ConstantsElsewhere", [](PlanT &p) { p.constants_offset = 0; },
     "is not where its constants are"},
    {"ConstantsTooFew", [](PlanT &p) { p.constants.pop_back(); },
     "is not where its constants are"},
    {"ParameterWithoutBuffer", [](PlanT &p) { p.parameters[0]->buffer = 99; },
     "'w' has no buffer"},
    {"ParameterOfAnotherShape",
     [](PlanT &p) { p.parameters[0]->shape = {5, 4}; }, "does not fit its buf"},
    {"ParametersShareABuffer",
     [](PlanT &p) { p.parameters[1]->buffer = p.parameters[0]->buffer; },
     "does not fit its buffer"},
    {"AverageOfNothing", [](PlanT &p) { p.parameters[1]->average_of = 99; },
     "'w#sgd.m' is the average of another one that it does not fit"},
    {"AverageOfItself", [](PlanT &p) { p.parameters[1]->average_of = 1; },
     "is the average of another one"},
    {"ParameterIsAnAverage", [](PlanT &p) { p.parameters[0]->average_of = 1; },
     "'w' is the average of another one"},
    {"ParameterTwice", [](PlanT &p) { p.parameters[1]->path = "w"; },
     "has no name of its own"},
    {"ParameterNoUtf8", [](PlanT &p) { p.parameters[1]->path = "w\xff"; },
     "has no name of its own"},
    {"UnknownInitializer",
     [](PlanT &p) { p.parameters[0]->initializer->kind = "ones!"; },
     "has no known initializer"},
    {"OrthogonalOfOtherColumns",
     [](PlanT &p) {
       p.parameters[0]->initializer->kind = "orthogonal";
       p.parameters[0]->initializer->b = 1e9;
     },
     "has no known initializer"},
    {"KernelWithoutSizes",
     [](PlanT &p) { p.kernels[0]->argument_bytes.pop_back(); },
     "does not describe its arguments"},
    {"KernelOfNegativeTasks", [](PlanT &p) { p.kernels[0]->tasks = -1; },
     "impossible number of tasks"},
    {"MicrobatchesTooMany", [](PlanT &p) { p.training->microbatches = 5; },
     "micro-batch and their number do not fit"},
    {"NoTraining", [](PlanT &p) { p.training.reset(); },
     "does not describe the training"},
    {"InputLimitOfAFloat", [](PlanT &p) { p.inputs[0]->limit = 3; },
     "impossible type"},
    {"InputLimitTooLarge",
     [](PlanT &p) { p.inputs[1]->limit = (int64_t{1} << 31) + 1; },
     "impossible type"},
    {"SplitOfNoColumns", [](PlanT &p) { p.splits[0]->columns.clear(); },
     "has no column"},
    {"SplitColumnsTooFew", [](PlanT &p) { p.splits[0]->columns[0]->last = 3; },
     "do not fit the input's shape"},
    {"SplitRowsBackwards", [](PlanT &p) { p.splits[0]->first_row = 101; },
     "impossible range of rows"},
    {"SplitBindsTwice", [](PlanT &p) { p.splits[0]->columns[1]->input = "x"; },
     "to no input of its own"},
    {"SplitTwice", [](PlanT &p) { p.splits[1]->name = "train"; },
     "has no name of its own"},
    {"SplitPartIsEmpty", [](PlanT &p) { p.splits[0]->part_first = 1; },
     "impossible part of its file"},
    {"SplitPartIsNoNumber", [](PlanT &p) { p.splits[0]->part_last = NAN; },
     "impossible part of its file"},
    {"SplitOfUnknownTokens",
     [](PlanT &p) { p.splits[0]->element = static_cast<schema::Token>(9); },
     "unknown reader"},
    {"IdxWithoutFile", [](PlanT &p) { p.splits[1]->columns[0]->file = ""; },
     "column without a file"},
    {"UnknownProgram", [](PlanT &p) { train(p).name = "trane"; },
     "does not know"},
    {"TwoProgramsOfOneName", [](PlanT &p) { infer(p).name = "eval"; },
     "two programs 'eval'"},
    {"RowsOfAnotherMicrobatch", [](PlanT &p) { train(p).rows = 8; },
     "not those of a micro-batch"},
    {"InputOfOtherRows", [](PlanT &p) { infer(p).rows = 4; },
     "its input 'x' does not fit its buffer"},
    {"InputIsAParameter", [](PlanT &p) { infer(p).inputs[0]->buffer = 0; },
     "its input 'x' does not fit its buffer"},
    {"MaskIsAnInput", [](PlanT &p) { train(p).mask -= 1; },
     "its mask does not fit its buffer"},
    {"CountIsAFloat", [](PlanT &p) { train(p).count += 2; },
     "its count does not fit its buffer"},
    {"SeedIsAFloat", [](PlanT &p) { train(p).seed = train(p).loss; },
     "its seed does not fit its buffer"},
    {"RowNumbersAreTheMask", [](PlanT &p) { train(p).row = train(p).mask; },
     "its row numbers do not fit their buffer"},
    {"RowNumbersAreNowhere", [](PlanT &p) { train(p).row = 99; },
     "its row numbers do not fit their buffer"},
    {"LossIsATable", [](PlanT &p) { train(p).loss += 1; },
     "its loss does not fit its buffer"},
    {"LossIsNowhere", [](PlanT &p) { train(p).loss = -2; },
     "its loss has no buffer"},
    {"MetricIsNowhere", [](PlanT &p) { train(p).metrics[0]->buffer = 99; },
     "a metric has no name, or no buffer"},
    {"OutputOfOtherRows", [](PlanT &p) { infer(p).outputs[0]->buffer = 0; },
     "an output has no name, or no buffer"},
    {"CallOfNoKernel", [](PlanT &p) { call(p).kernel = 99; }, "no kernel"},
    {"CallWithoutArguments", [](PlanT &p) { call(p).args.pop_back(); },
     "4 arguments, not 5"},
    {"ArgumentOfNoBuffer", [](PlanT &p) { call(p).args[0]->buffer = 99; },
     "names no buffer"},
    {"ArgumentReachesOutside",
     [](PlanT &p) { call(p).args[0]->byte_offset = 16; }, "reaches outside"},
    {"ArgumentOverflows",
     [](PlanT &p) { call(p).args[0]->byte_offset = ~uint64_t{15}; },
     "reaches outside"},
    {"ArgumentMisaligned", [](PlanT &p) { call(p).args[3]->byte_offset = 2; },
     "is not aligned"},
    {"MovingArgumentMisaligned",
     [](PlanT &p) {
       innerLoop(p).body[0]->kind.AsCall()->args[0]->strides = {0, 6};
     },
     "is not aligned"},
    {"KernelWritesAConstant", [](PlanT &p) { p.kernels[2]->written[3] = true; },
     "writes to the constant"},
    {"LoopRunsOutside", [](PlanT &p) { innerLoop(p).count = 5; },
     "reaches outside"},
    {"LoopStrideOverflows",
     [](PlanT &p) {
       innerLoop(p).body[0]->kind.AsCall()->args[0]->strides = {0, int64_t{1}
                                                                       << 62};
     },
     "reaches outside"},
    {"LoopStrideGoesBackTooFar",
     [](PlanT &p) {
       innerLoop(p).body[0]->kind.AsCall()->args[0]->strides = {0, -16};
     },
     "reaches outside"},
    {"StrideOfALoopThatIsNotThere",
     [](PlanT &p) { call(p).args[0]->strides = {0, 0, 16}; },
     "a loop that is not around it"},
    {"StrideInAnUnknownLoop",
     [](PlanT &p) { loop(p).body[1]->kind.AsCall()->args[0]->strides = {16}; },
     "whose length is not known"},
    {"LoopTooLong",
     [](PlanT &p) {
       innerLoop(p).count = uint64_t{1} << 21;
       innerLoop(p).body.clear();
     },
     "a loop is too long"},
    {"TwoLoopsOverTheMicrobatches", [](PlanT &p) { innerLoop(p).count = 0; },
     "more than one loop over the micro-batches"},
    {"SumInAnotherLoop", [](PlanT &p) { loop(p).count = 4; },
     "does not run over the micro-batches"},
    {"SumReachesOutside", [](PlanT &p) { loop(p).sums[0]->count = 22; },
     "reaches outside"},
    {"SumOverlaps",
     [](PlanT &p) {
       loop(p).sums[0]->count = 20;
       loop(p).sums[0]->source->buffer = loop(p).sums[0]->result->buffer;
       loop(p).sums[0]->source->byte_offset = 4;
     },
     "source and result of a sum overlap"},
    {"SumLevelsTooSmall", [](PlanT &p) { train(p).sum_level_bytes = 64; },
     "take 128 bytes a level, not 64"},
    {"SumOfBools",
     [](PlanT &p) { loop(p).sums[0]->dtype = schema::DType::boolean; },
     "impossible type"},
    {"AllReduceOverNoAxis", [](PlanT &p) { reduce(p).axes.clear(); },
     "other axes than data"},
    {"AllReduceOverAnUnknownAxis", [](PlanT &p) { reduce(p).axes = {1}; },
     "other axes than data"},
    {"AllReduceOverAnotherAxis",
     [](PlanT &p) {
       p.mesh.push_back(std::make_unique<schema::AxisT>());
       p.mesh.back()->name = "model";
       p.mesh.back()->size = 1;
       reduce(p).axes = {0, 1};
     },
     "other axes than data"},
    {"ParameterIsSharded",
     [](PlanT &p) {
       p.parameters[0]->layout.push_back(std::make_unique<schema::ShardingT>());
       p.parameters[0]->layout[0]->axes = {0};
     },
     "is sharded"},
    {"AllReduceReachesOutside", [](PlanT &p) { reduce(p).count = 22; },
     "reaches outside"},
    {"AllReducesOutOfOrder",
     [](PlanT &p) {
       auto again = std::make_unique<schema::StepT>(*train(p).steps[2]);
       train(p).steps.push_back(std::move(again));
     },
     "do not increase"},
    {"AllReduceInALoop",
     [](PlanT &p) {
       auto again = std::make_unique<schema::StepT>(*train(p).steps[2]);
       again->kind.AsAllReduce()->id = 1;
       loop(p).body.push_back(std::move(again));
     },
     "stands inside a loop"},
    {"UnknownReduction",
     [](PlanT &p) { reduce(p).reduction = static_cast<schema::Reduction>(3); },
     "impossible type"},
    {"CopyReachesOutside", [](PlanT &p) { copy(p).bytes = 21; },
     "reaches outside"},
    {"CopyWritesAConstant",
     [](PlanT &p) {
       copy(p).target->buffer = 2;
       copy(p).bytes = 8;
     },
     "writes to the constant"},
    {"FillReachesOutside",
     [](PlanT &p) { train(p).steps[0]->kind.AsFill()->bytes = 21; },
     "reaches outside"},
    {"StepOfNoKind", [](PlanT &p) { train(p).steps[0]->kind.Reset(); },
     "a step is empty"},
};

class PlanMeaning : public testing::TestWithParam<Mistake> {};

TEST_P(PlanMeaning, IsVerified) {
  PlanT plan = samplePlan();
  GetParam().make(plan);
  Result<Plan> loaded = Plan::fromBytes(pack(plan), "x.plan");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), StatusCode::kBadInput);
  EXPECT_THAT(loaded.status().message(),
              testing::AllOf(testing::StartsWith("x.plan: "),
                             testing::HasSubstr(GetParam().message),
                             testing::HasSubstr("compile the model again")));
}

INSTANTIATE_TEST_SUITE_P(Plan, PlanMeaning, testing::ValuesIn(kMistakes),
                         [](const auto &each) { return each.param.name; });

TEST(Plan, SampleIsAccepted) {
  Result<Plan> plan = Plan::fromBytes(pack(samplePlan()), "x.plan");
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->dataAxisSize(), -1);
  EXPECT_EQ(plan->location(0), "sample.mlg:10:8");
  EXPECT_EQ(plan->location(1), "");
  EXPECT_TRUE(plan->checkMachine().ok());
}

// Slices of a sequence follow one another, whatever their size.
TEST(Plan, MovingArgumentsAreAlignedLikeTheirElements) {
  PlanT plan = samplePlan();
  schema::RefT &slice = *innerLoop(plan).body[0]->kind.AsCall()->args[0];
  slice.byte_offset = 36;
  slice.strides = {0, -12};
  Result<Plan> loaded = Plan::fromBytes(pack(plan), "x.plan");
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
}

TEST(Plan, NewerVersionIsRefused) {
  PlanT plan = samplePlan();
  plan.version_major = kPlanVersionMajor + 1;
  Result<Plan> loaded = Plan::fromBytes(pack(plan), "x.plan");
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.status().message(), testing::HasSubstr("newer than this"));
}

TEST(Plan, AnotherCpuIsNamed) {
  PlanT plan = samplePlan();
  plan.cpu_features.push_back("avx4096");
  Result<Plan> loaded = Plan::fromBytes(pack(plan), "x.plan");
  ASSERT_TRUE(loaded.ok());
  Status status = loaded->checkMachine();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), testing::HasSubstr("needs avx4096"));
}

TEST(Plan, ForeignFilesAreNoPlans) {
  for (std::string text : {"", "x",
                           "\x7f"
                           "ELF and some more bytes",
                           "0123MLPL and then nothing of a plan ..."}) {
    const auto *begin = reinterpret_cast<const std::byte *>(text.data());
    Result<Plan> plan = Plan::fromBytes({begin, begin + text.size()}, "f");
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.status().code(), StatusCode::kBadInput);
  }
}

TEST(Plan, CodeForOtherNumbersHasAnotherName) {
  PlanT plan = samplePlan();
  Result<Plan> before = Plan::fromBytes(pack(plan), "x.plan");
  plan.kernels[0]->tasks += 1;
  Result<Plan> after = Plan::fromBytes(pack(plan), "x.plan");
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_NE(codeSymbol(*(*before)->kernels()->Get(0)),
            codeSymbol(*(*after)->kernels()->Get(0)));
  EXPECT_EQ(codeSymbol(*(*before)->kernels()->Get(1)),
            codeSymbol(*(*after)->kernels()->Get(1)));
}

} // namespace
} // namespace mlrt::test
