//===- DatasetTest.cpp - Reading csv and idx, and the cache ---------------===//

#include "Scratch.h"

#include "runtime/data/Dataset.h"

#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlrt;
namespace fs = std::filesystem;

namespace {

class DatasetTest : public Scratch {
protected:
  static SplitSpec csv(const std::string &file, int64_t width) {
    SplitSpec spec;
    spec.name = "train";
    spec.file = file;
    spec.columns = {{"x", DType::f32, {width}, 0, 0, width, ""}};
    return spec;
  }
  static SplitSpec idx(const std::string &file, std::vector<int64_t> shape,
                       DType dtype) {
    SplitSpec spec;
    spec.name = "train";
    spec.reader = ReaderKind::idx;
    spec.columns = {{"x", dtype, std::move(shape), 0, 0, 0, file}};
    return spec;
  }

  Result<Dataset> open(const SplitSpec &spec) const {
    return Dataset::open(spec, folder, {});
  }

  void expectBad(const SplitSpec &spec,
                 std::initializer_list<std::string> parts) const {
    Result<Dataset> data = open(spec);
    ASSERT_FALSE(data.ok());
    EXPECT_EQ(data.status().code(), StatusCode::kBadInput);
    for (const std::string &part : parts)
      EXPECT_NE(data.status().message().find(part), std::string::npos)
          << data.status().message() << "\nlacks: " << part;
  }

  template <typename T>
  static T at(const Dataset &data, size_t column, uint64_t row, size_t i = 0) {
    T value;
    std::memcpy(&value, data.row(column, row) + i * sizeof(T), sizeof(T));
    return value;
  }
};

/// An idx file: `type`, u32 extents, then `body`.
std::string idxText(char type, std::initializer_list<int> extents,
                    std::string_view body) {
  std::string text{'\0', '\0', type, static_cast<char>(extents.size())};
  for (int extent : extents)
    text += {0, 0, static_cast<char>(extent >> 8), static_cast<char>(extent)};
  return text + std::string(body);
}

SplitSpec digits(int64_t first, int64_t last) {
  SplitSpec spec;
  spec.name = "train";
  spec.file = "digits.csv.gz";
  spec.firstRow = first;
  spec.lastRow = last;
  spec.columns = {{"pixels", DType::f32, {64}, 0, 0, 64, ""},
                  {"label", DType::i32, {}, 10, 64, 65, ""}};
  return spec;
}

} // namespace

TEST_F(DatasetTest, ReadsDigits) {
  Result<Dataset> data = Dataset::open(digits(0, 1437), MLC_DIGITS, {});
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->rows(), 1437u);
  EXPECT_EQ(at<float>(*data, 0, 0, 2), 5.0f);
  EXPECT_EQ(at<float>(*data, 0, 1, 61), 10.0f);
  EXPECT_EQ(at<int32_t>(*data, 1, 0), 0);
  EXPECT_EQ(at<int32_t>(*data, 1, 1), 1);
  EXPECT_EQ(data->columnOf("label"), 1u);
  EXPECT_EQ(data->columnOf("nothing"), std::nullopt);

  Result<Dataset> rest = Dataset::open(digits(1, -1), MLC_DIGITS, {});
  ASSERT_TRUE(rest.ok()) << rest.status().message();
  EXPECT_EQ(rest->rows(), 1796u);
  EXPECT_EQ(at<float>(*rest, 0, 0, 61), 10.0f);
}

TEST_F(DatasetTest, ReadsCsvDetails) {
  write("a.csv", "\xEF\xBB\xBFp,\"q, r\",s\r\n 1 ,\"2.5\",a\r\n\r\n+3,-4e0,"
                 "\"b,c\"\r\n5,6,d");
  SplitSpec spec = csv("a.csv", 2);
  spec.header = true;
  Result<Dataset> data = open(spec);
  ASSERT_TRUE(data.ok()) << data.status().message();
  ASSERT_EQ(data->rows(), 3u);
  EXPECT_EQ(at<float>(*data, 0, 0, 1), 2.5f);
  EXPECT_EQ(at<float>(*data, 0, 1, 0), 3.0f);
  EXPECT_EQ(at<float>(*data, 0, 1, 1), -4.0f);
  EXPECT_EQ(at<float>(*data, 0, 2, 1), 6.0f);
}

TEST_F(DatasetTest, ManyChunks) {
  std::string text;
  for (int i = 0; i < 10000; ++i)
    text += std::to_string(i) + "," + std::to_string(-i) + "\n";
  write("a.csv", text);
  SplitSpec spec = csv("a.csv", 1);
  spec.columns.push_back({"y", DType::i64, {1}, 0, 1, 2, ""});
  Result<Dataset> data = open(spec);
  ASSERT_TRUE(data.ok());
  ASSERT_EQ(data->rows(), 10000u);
  for (uint64_t r = 0; r < 10000; ++r) {
    ASSERT_EQ(at<float>(*data, 0, r), static_cast<float>(r));
    ASSERT_EQ(at<int64_t>(*data, 1, r), -static_cast<int64_t>(r));
  }
}

TEST_F(DatasetTest, CsvErrorsNameThePlace) {
  write("a.csv", "1,2\n3,4,5\n");
  expectBad(csv("a.csv", 2), {"a.csv' line 2 (row 1)", "has 3 columns",
                              "have 2", "correct this line"});
  expectBad(csv("a.csv", 3), {"line 1", "has 2 columns", "0..3", "`columns`"});
  write("b.csv", "1,2\n3,4x\n");
  expectBad(csv("b.csv", 2),
            {"line 2 (row 1), column 1", "'4x' is not a number"});
  write("c.csv", "a,b\n3,4\n");
  expectBad(csv("c.csv", 2), {"line 1", "'a'", "header = true"});
  write("d.csv", "1,\n");
  expectBad(csv("d.csv", 2), {"column 1", "empty"});
  write("e.csv", "1,nan\n");
  expectBad(csv("e.csv", 2), {"column 1", "not finite"});
  write("f.csv", "1,1e39\n");
  expectBad(csv("f.csv", 2), {"column 1", "too large for f32"});
  write("g.csv", "1,1e999\n");
  expectBad(csv("g.csv", 2), {"'1e999' is beyond the range"});
  write("h.csv", "");
  expectBad(csv("h.csv", 2), {"has 0 rows"});
  expectBad(csv("none.csv", 2), {"none.csv", "check the path"});
}

TEST_F(DatasetTest, IntegersKeepTheirRange) {
  write("a.csv", "1\n300\n");
  SplitSpec spec = csv("a.csv", 1);
  spec.columns[0].dtype = DType::u8;
  expectBad(spec, {"line 2 (row 1), column 0", "300 does not fit in u8"});
  spec.columns[0].dtype = DType::boolean;
  expectBad(spec, {"300 is not a bool"});
  spec.columns[0].dtype = DType::i32;
  spec.columns[0].limit = 10;
  expectBad(spec, {"300 is outside [0, 10)"});
  write("b.csv", "-1\n");
  spec.file = "b.csv";
  expectBad(spec, {"-1 is outside [0, 10)"});
  write("b.csv", "1.5\n");
  expectBad(spec, {"not a whole number"});
  write("b.csv", "3.0\n");
  Result<Dataset> data = open(spec);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(at<int32_t>(*data, 0, 0), 3);
}

TEST_F(DatasetTest, RowsBeyondTheEnd) {
  write("a.csv", "1\n2\n");
  SplitSpec spec = csv("a.csv", 1);
  spec.lastRow = 3;
  expectBad(spec, {"has 2 rows", "0..3", "`rows`"});
  spec.firstRow = 2;
  spec.lastRow = -1;
  expectBad(spec, {"has 2 rows", "2.."});
  spec.firstRow = 1;
  Result<Dataset> data = open(spec);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->rows(), 1u);
  EXPECT_EQ(at<float>(*data, 0, 0), 2.0f);
}

TEST_F(DatasetTest, DamagedGzip) {
  fs::copy(fs::path(MLC_DIGITS) / "digits.csv.gz", folder / "digits.csv.gz");
  std::string text = read("digits.csv.gz");
  write("digits.csv.gz", text.substr(0, text.size() / 2));
  expectBad(digits(0, -1), {"digits.csv.gz", "cut off", "fetch"});
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 0x55);
  text[text.size() / 2 + 1] =
      static_cast<char>(text[text.size() / 2 + 1] ^ 0x55);
  write("digits.csv.gz", text);
  EXPECT_FALSE(open(digits(0, -1)).ok());
  write("digits.csv.gz", "1,2,3\n");
  expectBad(digits(0, -1), {"not in gzip format"});
}

TEST_F(DatasetTest, ContradictingSpecs) {
  write("a.csv", "1,2\n");
  SplitSpec spec = csv("a.csv", 2);
  spec.columns[0].last = 1;
  expectBad(spec, {"columns 0..1", "2 elements"});
  spec.columns.clear();
  expectBad(spec, {"feeds no input"});
  spec = csv("a.csv", 2);
  spec.firstRow = spec.lastRow = 1;
  expectBad(spec, {"no rows"});
}

TEST_F(DatasetTest, IdxOfEveryType) {
  using namespace std::string_view_literals;
  struct Case {
    char type;
    std::string_view body;
    float values[2];
  };
  const Case cases[] = {
      {0x08, "\x01\xff"sv, {1, 255}},
      {0x09, "\x01\xff"sv, {1, -1}},
      {0x0B, "\x01\x00\xff\xfe"sv, {256, -2}},
      {0x0C, "\x00\x01\x00\x00\xff\xff\xff\xfd"sv, {65536, -3}},
      {0x0D, "\x3f\xc0\x00\x00\xbf\x80\x00\x00"sv, {1.5f, -1}},
      {0x0E, "\x3f\xf8\0\0\0\0\0\0\xbf\xf0\0\0\0\0\0\0"sv, {1.5f, -1}},
  };
  for (const Case &c : cases) {
    write("a.idx", idxText(c.type, {1, 1, 2}, c.body));
    Result<Dataset> data = open(idx("a.idx", {2}, DType::f32));
    ASSERT_TRUE(data.ok()) << data.status().message();
    EXPECT_EQ(at<float>(*data, 0, 0, 0), c.values[0]);
    EXPECT_EQ(at<float>(*data, 0, 0, 1), c.values[1]);
  }
}

TEST_F(DatasetTest, IdxRowsAndBytes) {
  write("a.idx", idxText(8, {3, 2}, "abcdef"));
  SplitSpec spec = idx("a.idx", {2}, DType::u8);
  spec.firstRow = 1;
  spec.lastRow = 2;
  Result<Dataset> data = open(spec);
  ASSERT_TRUE(data.ok()) << data.status().message();
  ASSERT_EQ(data->rows(), 1u);
  EXPECT_EQ(at<char>(*data, 0, 0, 0), 'c');
  EXPECT_EQ(at<char>(*data, 0, 0, 1), 'd');
}

TEST_F(DatasetTest, IdxErrors) {
  SplitSpec spec = idx("a.idx", {2}, DType::u8);
  write("a.idx", "PNG...");
  expectBad(spec, {"a.idx", "magic"});
  write("a.idx", idxText(8, {3, 2}, "").substr(0, 9));
  expectBad(spec, {"ends inside its idx header"});
  write("a.idx", idxText(8, {3, 3}, "abcdefghi"));
  expectBad(spec, {"rows of shape [3]", "has shape [2]"});
  write("a.idx", idxText(8, {3, 2}, "abcde"));
  expectBad(spec, {"ends in row 2", "3 rows"});
  write("a.idx", idxText(8, {3, 2}, "abcdefg"));
  expectBad(spec, {"more bytes"});
  write("a.idx", idxText(8, {3, 2}, "abcdef"));
  spec.lastRow = 4;
  expectBad(spec, {"has 3 rows", "0..4"});
  spec.lastRow = -1;
  spec.columns.push_back({"y", DType::u8, {2}, 0, 0, 0, "b.idx"});
  write("b.idx", idxText(8, {2, 2}, "abcd"));
  expectBad(spec, {"b.idx' has 2 rows", "a.idx' has 3"});
  spec.columns.pop_back();
  spec.columns[0].limit = 'd';
  expectBad(spec, {"row 1, column 1", "100 is outside [0, 100)"});
}

TEST_F(DatasetTest, CacheIsUsedAndRepaired) {
  write("a.csv", "1\n2\n");
  fs::path cache = folder / "made" / "cache";
  SplitSpec spec = csv("a.csv", 1);
  auto cacheFile = [&] {
    fs::path found;
    int count = 0;
    for (const auto &entry : fs::directory_iterator(cache))
      if (entry.path().extension() == ".rows")
        found = entry.path(), ++count;
      else
        EXPECT_EQ(entry.path().extension(), ".lock");
    EXPECT_EQ(count, 1);
    return found;
  };
  ASSERT_TRUE(Dataset::open(spec, folder, cache).ok());
  fs::path file = cacheFile();
  auto inode = [&] {
    return fs::last_write_time(file).time_since_epoch().count();
  };
  auto before = inode();
  ASSERT_TRUE(Dataset::open(spec, folder, cache).ok());
  EXPECT_EQ(inode(), before) << "decoded again";

  for (int64_t at : {0L, 20L, 4096L}) { // magic, header, data
    {
      std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
      out.seekp(at);
      out.put('\x77');
    }
    Result<Dataset> data = Dataset::open(spec, folder, cache);
    ASSERT_TRUE(data.ok());
    EXPECT_EQ(this->at<float>(*data, 0, 0), 1.0f);
    EXPECT_EQ(this->at<float>(*data, 0, 1), 2.0f);
  }
  for (uintmax_t size : {uintmax_t{0}, uintmax_t{100}, uintmax_t{5000}}) {
    fs::resize_file(file, size);
    Result<Dataset> data = Dataset::open(spec, folder, cache);
    ASSERT_TRUE(data.ok());
    EXPECT_EQ(data->rows(), 2u);
  }
  write("a.csv", "1\n2\n3\n"); // another file: another key
  Result<Dataset> data = Dataset::open(spec, folder, cache);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->rows(), 3u);
}

TEST_F(DatasetTest, ProcessesStartTogether) {
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Result<Dataset> data =
          Dataset::open(digits(0, 1437), MLC_DIGITS, folder / "cache");
      ::_exit(data.ok() && data->rows() == 1437 ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}
