//===- BatchLoaderTest.cpp - Order, micro-batches, padding, prefetch ------===//

#include "Scratch.h"

#include "runtime/data/BatchLoader.h"
#include "runtime/data/Dataset.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace mlrt;

namespace {

/// Ten rows; x[r] = {r, r + 0.5}, y[r] = r.
class BatchLoaderTest : public Scratch {
protected:
  void SetUp() override {
    Scratch::SetUp();
    std::string text;
    for (int r = 0; r < 10; ++r)
      text += std::to_string(r) + "," + std::to_string(r) + ".5," +
              std::to_string(r) + "\n";
    write("a.csv", text);
    SplitSpec spec;
    spec.name = "train";
    spec.file = "a.csv";
    spec.columns = {{"x", DType::f32, {2}, 0, 0, 2, ""},
                    {"y", DType::i64, {}, 10, 2, 3, ""}};
    Result<Dataset> opened = Dataset::open(spec, folder, {});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    data.emplace(std::move(*opened));
  }

  static LoaderOptions options(uint64_t first, uint64_t count) {
    LoaderOptions options;
    options.seed = 7;
    options.batch = 7;
    options.rows = 2;
    options.firstMicrobatch = first;
    options.microbatches = count;
    options.columns = {1, 0};
    options.ring = 3;
    return options;
  }

  std::optional<Dataset> data;
};

struct Batch {
  int64_t y[2];
  float x[4];
  float mask[2];
  BatchPosition position;

  static Batch from(BatchLoader &loader) {
    Batch b{};
    std::byte *inputs[] = {reinterpret_cast<std::byte *>(b.y),
                           reinterpret_cast<std::byte *>(b.x)};
    b.position = loader.next({inputs, reinterpret_cast<std::byte *>(b.mask)});
    return b;
  }
};

} // namespace

TEST(Order, IsAPermutationKeyedBySeedAndEpoch) {
  Order a(1000, 3, true), b(1000, 3, true), c(1000, 4, true);
  auto list = [](const Order &order) {
    std::vector<uint32_t> rows;
    for (uint64_t i = 0; i < order.size(); ++i)
      rows.push_back(order[i]);
    return rows;
  };
  a.setEpoch(0);
  auto first = list(a);
  a.setEpoch(5);
  auto fifth = list(a);
  b.setEpoch(5); // straight there: the same
  c.setEpoch(5);
  EXPECT_EQ(fifth, list(b));
  EXPECT_NE(fifth, list(c));
  EXPECT_NE(fifth, first);
  std::sort(fifth.begin(), fifth.end());
  for (uint32_t i = 0; i < 1000; ++i)
    EXPECT_EQ(fifth[i], i);

  Order plain(10, 3, false);
  plain.setEpoch(2);
  EXPECT_EQ(plain[9], 9u);
}

TEST_F(BatchLoaderTest, EpochsVisitEveryRowOnce) {
  auto loader = BatchLoader::create(*data, options(0, 4), 0, 0);
  ASSERT_TRUE(loader.ok()) << loader.status().message();
  EXPECT_EQ((*loader)->stepsPerEpoch(), 2u);
  std::vector<int64_t> orders[2];
  for (uint64_t epoch = 0; epoch < 2; ++epoch) {
    std::vector<int64_t> &seen = orders[epoch];
    for (uint64_t step = 0; step < 2; ++step) {
      uint64_t batchRows = step == 0 ? 7 : 3;
      int64_t firstOfStep = -1;
      for (uint64_t m = 0; m < 4; ++m) {
        Batch b = Batch::from(**loader);
        EXPECT_EQ(b.position.epoch, epoch);
        EXPECT_EQ(b.position.step, step);
        EXPECT_EQ(b.position.microbatch, m);
        EXPECT_EQ(b.position.batchRows, batchRows);
        if (m == 0)
          firstOfStep = b.y[0];
        for (uint64_t r = 0; r < 2; ++r) {
          bool real = m * 2 + r < batchRows;
          EXPECT_EQ(b.mask[r], real ? 1.0f : 0.0f);
          EXPECT_EQ(b.x[r * 2], static_cast<float>(b.y[r]));
          EXPECT_EQ(b.x[r * 2 + 1], static_cast<float>(b.y[r]) + 0.5f);
          if (real)
            seen.push_back(b.y[r]);
          else
            EXPECT_EQ(b.y[r], firstOfStep) << "padding copies a real row";
        }
      }
    }
    auto sorted = seen;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t i = 0; i < 10; ++i)
      EXPECT_EQ(sorted.at(static_cast<size_t>(i)), i);
  }
  EXPECT_NE(orders[0], orders[1]);
}

TEST_F(BatchLoaderTest, RanksShareTheBatchAndResumeInPlace) {
  auto one = BatchLoader::create(*data, options(0, 4), 0, 0);
  auto low = BatchLoader::create(*data, options(0, 2), 0, 0);
  auto high = BatchLoader::create(*data, options(2, 2), 0, 0);
  auto resumed = BatchLoader::create(*data, options(0, 4), 1, 1);
  ASSERT_TRUE(one.ok() && low.ok() && high.ok() && resumed.ok());
  for (int step = 0; step < 4; ++step)
    for (int m = 0; m < 4; ++m) {
      Batch a = Batch::from(**one);
      Batch b = Batch::from(m < 2 ? **low : **high);
      EXPECT_EQ(std::memcmp(a.y, b.y, sizeof a.y), 0);
      EXPECT_EQ(std::memcmp(a.mask, b.mask, sizeof a.mask), 0);
      if (step == 3) {
        Batch c = Batch::from(**resumed);
        EXPECT_EQ(std::memcmp(a.y, c.y, sizeof a.y), 0);
        EXPECT_EQ(c.position.epoch, 1u);
        EXPECT_EQ(c.position.step, 1u);
      }
    }
}

TEST_F(BatchLoaderTest, AnEvaluationIsOneBatch) {
  LoaderOptions whole = options(0, 5);
  whole.shuffle = false;
  whole.batch = data->rows();
  whole.maskDType = DType::f64;
  whole.rows = 3;
  whole.microbatches = 4;
  Order order(data->rows(), 0, false);
  int64_t y[3];
  float x[6];
  double mask[3];
  std::byte *inputs[] = {reinterpret_cast<std::byte *>(y),
                         reinterpret_cast<std::byte *>(x)};
  BatchPosition last = fillMicrobatch(
      *data, order, whole, 0, 3, {inputs, reinterpret_cast<std::byte *>(mask)});
  EXPECT_EQ(last.realRows, 1u);
  EXPECT_EQ(last.batchRows, 10u);
  EXPECT_EQ(y[0], 9);
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(mask[0], 1.0);
  EXPECT_EQ(mask[1], 0.0);
}

TEST_F(BatchLoaderTest, RefusesWrongOptions) {
  auto refuse = [&](auto change, uint64_t step = 0) {
    LoaderOptions wrong = options(0, 4);
    change(wrong);
    auto loader = BatchLoader::create(*data, wrong, 0, step);
    ASSERT_FALSE(loader.ok());
    EXPECT_EQ(loader.status().code(), StatusCode::kInvalidArgument);
  };
  refuse([](LoaderOptions &o) { o.batch = 0; });
  refuse([](LoaderOptions &o) { o.rows = 0; });
  refuse([](LoaderOptions &o) { o.ring = 0; });
  refuse([](LoaderOptions &o) { o.columns = {2}; });
  refuse([](LoaderOptions &o) { o.maskDType = DType::i32; });
  refuse([](LoaderOptions &) {}, 2);
}
