//===- ReportsTest.cpp - Reports and explanations of a local module -------===//

#include "passes/analysis/Reports.h"
#include "test/ir/Evaluating.h"

#include "ir/dist/DistDialect.h"
#include "ir/plan/PlanOps.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlc;

namespace {

// 4 micro-batches; the gradient of w has 3 x 4 f32, the loss one: 52 bytes.
constexpr const char *kModel = R"(
#whole2 = #dist.layout<@mesh, [{}, {}]>
#whole0 = #dist.layout<@mesh, []>
#rows = #dist.layout<@mesh, [{"data"}, {}]>
#part2 = #dist.layout<@mesh, [{}, {}], partial = ["data"]>
#part0 = #dist.layout<@mesh, [], partial = ["data"]>
module attributes {mlc.train = {microbatches = 4 : i64}} {
  dist.mesh @mesh ["data"] sizes = [SIZE]
  graph.parameter @w : tensor<3x4xf32> init #graph.init<zeros> role trained loc("m.mlg":3:5)
  func.func @train(%w: tensor<3x4xf32, #whole2> {graph.param = @w},
                   %x: tensor<2x3xf32, #rows> {graph.input = "x"})
      -> (tensor<f32, #whole0> {graph.loss}, tensor<3x4xf32, #whole2> {graph.update = @w}) {
    %s:2 = dist.microbatch_loop (%r = %x : tensor<2x3xf32, #rows>) {
      %y = graph.dot %r, %w batch = [] x [] contract = [1] x [0] : tensor<2x3xf32, #rows>, tensor<3x4xf32, #whole2> to tensor<2x4xf32, #rows>
      %g = graph.dot %r, %y batch = [] x [] contract = [0] x [0] : tensor<2x3xf32, #rows>, tensor<2x4xf32, #rows> to tensor<3x4xf32, #part2>
      %l = graph.reduce sum %y dims = [0, 1] : tensor<2x4xf32, #rows> to tensor<f32, #part0>
      dist.yield %g, %l : tensor<3x4xf32, #part2>, tensor<f32, #part0>
    } : tensor<3x4xf32, #part2>, tensor<f32, #part0>
    %a:2 = dist.all_reduce sum %s#0, %s#1 over ["data"] {id = 0 : i64, label = "w, loss"}
        : tensor<3x4xf32, #part2>, tensor<f32, #part0> loc(fused["m.mlg":7:3, "m.mlg":9:1, "m.mlg":7:3])
    return %a#1, %a#0 : tensor<f32, #whole0>, tensor<3x4xf32, #whole2>
  }
})";

// A bucket of 12 f32, and one more: 13 elements, 52 bytes.
constexpr const char *kSchedule = R"(
module attributes {mlc.train = {microbatches = 4 : i64}, mlc.mesh = [{name = "data", size = SIZE : i64}]} {
  plan.arena {
    plan.buffer @bucket communication : tensor<13xf32>
  }
  plan.program @train rows = 2 {
    plan.all_reduce sum @bucket : tensor<13xf32> over ["data"] id = 0 name = "w, loss" loc(fused["m.mlg":7:3, "m.mlg":9:1, "m.mlg":7:3])
  }
})";

class ReportsTest : public Evaluating {
protected:
  void parseOn(const char *size, const char *model = kModel) {
    context.loadDialect<dist::DistDialect, plan::PlanDialect>();
    std::string text = model;
    text.replace(text.find("SIZE"), 4, size);
    parse(text);
  }
};

/// The report has every field that the schema requires.
void expectRequired(const llvm::json::Object &report, llvm::StringRef kind) {
  auto buffer = llvm::MemoryBuffer::getFile(MLC_REPORT_SCHEMA);
  ASSERT_TRUE(static_cast<bool>(buffer));
  auto schema = llvm::json::parse((*buffer)->getBuffer());
  ASSERT_TRUE(static_cast<bool>(schema));
  const auto *definition =
      schema->getAsObject()->getObject("$defs")->getObject(kind);
  ASSERT_NE(definition, nullptr);
  for (const llvm::json::Value &key : *definition->getArray("required"))
    EXPECT_NE(report.get(*key.getAsString()), nullptr)
        << key.getAsString()->str();
}

TEST_F(ReportsTest, CommunicationOfAFixedMesh) {
  parseOn("4", kSchedule);
  Report report = reportCommunication(*module);
  const llvm::json::Object &json = *report.json.getAsObject();
  expectRequired(json, "comm");
  const auto *collectives = json.getArray("collectives");
  ASSERT_EQ(collectives->size(), 1u);
  const auto *first = (*collectives)[0].getAsObject();
  EXPECT_EQ(first->getInteger("payload_bytes"), 52); // 12 * 4 + 4
  const auto *byRanks = first->getArray("by_ranks");
  ASSERT_EQ(byRanks->size(), 1u);
  const auto *four = (*byRanks)[0].getAsObject();
  // 13 elements and then half of them, which is 6 or 7.
  EXPECT_EQ(four->getInteger("sent_bytes"), (13 + 7) * 4);
  EXPECT_EQ(*four->getArray("sent_bytes_by_rank"),
            (llvm::json::Array{19 * 4, 20 * 4, 19 * 4, 20 * 4}));
  // 4 messages, and the bytes of the rank that sends most.
  MachineDescription machine;
  EXPECT_DOUBLE_EQ(*four->getNumber("seconds"),
                   4 * machine.linkLatencySeconds +
                       80 / machine.linkBytesPerSecond);
  EXPECT_EQ(first->getArray("locations")->size(), 2u); // each line once
  EXPECT_NE(report.text.find("all_reduce sum #0 (w, loss): 52 bytes"),
            std::string::npos)
      << report.text;
  EXPECT_NE(report.text.find("from m.mlg:7:3"), std::string::npos);
}

TEST_F(ReportsTest, AnElasticMeshIsReportedForSeveralSizes) {
  parseOn("-1", kSchedule);
  Report report = reportCommunication(*module);
  const auto *first =
      (*report.json.getAsObject()->getArray("collectives"))[0].getAsObject();
  std::vector<int64_t> ranks, sent;
  for (const llvm::json::Value &entry : *first->getArray("by_ranks")) {
    ranks.push_back(*entry.getAsObject()->getInteger("ranks"));
    sent.push_back(*entry.getAsObject()->getInteger("sent_bytes"));
  }
  EXPECT_EQ(ranks, (std::vector<int64_t>{1, 2, 4})); // of 4 micro-batches
  EXPECT_EQ(sent, (std::vector<int64_t>{0, 52, 80}));
}

TEST_F(ReportsTest, TimeCountsTheLoopOncePerMicrobatch) {
  parseOn("-1");
  Report report = reportTime(*module);
  const llvm::json::Object &json = *report.json.getAsObject();
  expectRequired(json, "time");
  // Two products of 2 x 3 x 4 multiply-adds, and a sum of 8.
  EXPECT_EQ(json.getInteger("flops_per_microbatch"), 2 * 2 * 24 + 8);
  const auto *byRanks = json.getArray("by_ranks");
  EXPECT_EQ((*byRanks)[0].getAsObject()->getInteger("microbatches_per_rank"),
            4);
  EXPECT_EQ((*byRanks)[2].getAsObject()->getInteger("microbatches_per_rank"),
            1);
  EXPECT_GT(*(*byRanks)[0].getAsObject()->getNumber("compute_seconds"),
            *(*byRanks)[2].getAsObject()->getNumber("compute_seconds"));
}

TEST_F(ReportsTest, ExplainsAParameter) {
  parseOn("2");
  std::string suggestion;
  auto text = explainValue(*module, "w", suggestion);
  ASSERT_TRUE(succeeded(text));
  EXPECT_EQ(*text,
            "w: parameter of @train, [3, 4] f32 on one device\n"
            "  replicated: no layout is written for it in `parallel`, so every "
            "device has all of it\n"
            "  decided at m.mlg:3:5\n"
            "  in @train, all_reduce sum #0 over [\"data\"] of 52 bytes (w, "
            "loss)\n");
}

TEST_F(ReportsTest, ExplainsAnInput) {
  parseOn("2");
  std::string suggestion;
  auto text = explainValue(*module, "x", suggestion);
  ASSERT_TRUE(succeeded(text));
  EXPECT_NE(text->find("dimension 0 is sharded over [\"data\"]"),
            std::string::npos)
      << *text;
}

TEST_F(ReportsTest, SuggestsTheNearestPath) {
  parseOn("2");
  std::string suggestion;
  EXPECT_TRUE(failed(explainValue(*module, "los", suggestion)));
  EXPECT_EQ(suggestion, "loss");
}

} // namespace
