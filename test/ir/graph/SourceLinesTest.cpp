//===- SourceLinesTest.cpp - The user's line behind a location ------------===//

#include "ir/graph/SourceLines.h"
#include "test/ir/Evaluating.h"

using namespace mlc;

namespace {

class SourceLinesTest : public Evaluating {
protected:
  mlir::Location location(const std::string &text) {
    parse("func.func private @f() loc(" + text + ")");
    return function().getLoc();
  }
  std::string linesOf(const std::string &text) {
    std::string lines;
    for (mlir::FileLineColLoc line : getSourceLines(location(text)))
      lines += (lines.empty() ? "" : ", ") + toString(line);
    return lines;
  }
  std::string layerOf(const std::string &text) {
    return getLayerText(location(text));
  }
};

constexpr const char *kHidden =
    R"("hidden"(callsite("linear"("layers.mlg":9:12) at "a.mlg":8:8)))";
constexpr const char *kNested =
    R"("b.up"(callsite("linear"("layers.mlg":9:12) at
       "b"(callsite("block"("a.mlg":3:8) at "a.mlg":13:8)))))";

TEST_F(SourceLinesTest, NamesTheLastCaller) {
  EXPECT_EQ(linesOf(R"("a.mlg":3:5)"), "a.mlg:3:5");
  EXPECT_EQ(linesOf(kHidden), "a.mlg:8:8");
  EXPECT_EQ(linesOf(kNested), "a.mlg:13:8");
  EXPECT_EQ(linesOf("unknown"), "");
  // A caller without a place leaves the layer's.
  EXPECT_EQ(linesOf(R"(callsite("linear"("layers.mlg":9:12) at unknown))"),
            "layers.mlg:9:12");
}

TEST_F(SourceLinesTest, ListsMergedOnesOnce) {
  std::string fused = std::string("fused[unknown, ") + kHidden +
                      R"(, "a.mlg":12:10, )" + kHidden + ", " + kNested + "]";
  EXPECT_EQ(linesOf(fused), "a.mlg:8:8, a.mlg:12:10, a.mlg:13:8");
}

TEST_F(SourceLinesTest, SaysTheInnermostLayer) {
  EXPECT_EQ(layerOf(kHidden), "in layer linear (layers.mlg:9:12)");
  EXPECT_EQ(layerOf(kNested), "in layer linear (layers.mlg:9:12)");
  EXPECT_EQ(layerOf(R"("a.mlg":3:5)"), "");
  // Of the first place, which is in no layer here.
  EXPECT_EQ(layerOf(std::string(R"(fused["a.mlg":3:5, )") + kHidden + "]"), "");
  EXPECT_EQ(layerOf(std::string("fused[unknown, ") + kHidden + "]"),
            "in layer linear (layers.mlg:9:12)");
}

} // namespace
