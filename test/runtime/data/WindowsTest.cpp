//===- WindowsTest.cpp - Windows of a text or of raw tokens ---------------===//

#include "Scratch.h"

#include "runtime/data/Dataset.h"

#include <cstring>

using namespace mlrt;
using namespace std::string_literals;

namespace {

class WindowsTest : public Scratch {
protected:
  /// Windows of `length` elements, and the one element behind each.
  static SplitSpec windows(ReaderKind reader, const std::string &file,
                           int64_t length) {
    SplitSpec spec;
    spec.name = "train";
    spec.reader = reader;
    spec.file = file;
    spec.columns = {{"tokens", DType::i32, {length}, 0, 0, length, ""},
                    {"next", DType::i64, {}, 0, length, length + 1, ""}};
    return spec;
  }
  static SplitSpec text(const std::string &file, int64_t length, bool bytes) {
    SplitSpec spec = windows(ReaderKind::text, file, length);
    spec.bytes = bytes;
    return spec;
  }

  /// Every row: its window, then what is behind it.
  std::vector<std::vector<int64_t>> rowsOf(const SplitSpec &spec) const {
    std::vector<std::vector<int64_t>> rows;
    Result<Dataset> data = Dataset::open(spec, folder, {});
    EXPECT_TRUE(data.ok()) << data.status().message();
    for (uint64_t r = 0; data.ok() && r < data->rows(); ++r) {
      auto &row = rows.emplace_back();
      for (size_t i = 0; i < spec.columns[0].elements(); ++i) {
        int32_t value;
        std::memcpy(&value, data->row(0, r) + i * 4, 4);
        row.push_back(value);
      }
      int64_t next;
      std::memcpy(&next, data->row(1, r), 8);
      row.push_back(next);
    }
    return rows;
  }

  void expectBad(const SplitSpec &spec,
                 std::initializer_list<std::string> parts) const {
    Result<Dataset> data = Dataset::open(spec, folder, {});
    ASSERT_FALSE(data.ok());
    EXPECT_EQ(data.status().code(), StatusCode::kBadInput);
    for (const std::string &part : parts)
      EXPECT_NE(data.status().message().find(part), std::string::npos)
          << data.status().message() << "\nlacks: " << part;
  }
};

using Rows = std::vector<std::vector<int64_t>>;

TEST_F(WindowsTest, FollowOneAnother) {
  write("a.txt", "abcdefgh");
  EXPECT_EQ(rowsOf(text("a.txt", 3, true)),
            (Rows{{'a', 'b', 'c', 'd'}, {'d', 'e', 'f', 'g'}}));
  // The last one ends with the file.
  EXPECT_EQ(rowsOf(text("a.txt", 7, true)),
            (Rows{{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}}));
}

TEST_F(WindowsTest, BytesAreWhatTheyAre) {
  write("a.txt", "\xff\0\n"s);
  EXPECT_EQ(rowsOf(text("a.txt", 2, true)), (Rows{{255, 0, 10}}));
}

TEST_F(WindowsTest, CharactersAreNumberedOverTheWholeFile) {
  // a, e with an accent, the euro, a smile: of 1, 2, 3 and 4 bytes.
  write("a.txt", "\xe2\x82\xac\xf0\x9f\x98\x80"
                 "a\xc3\xa9"
                 "a");
  SplitSpec spec = text("a.txt", 2, false);
  EXPECT_EQ(rowsOf(spec), (Rows{{2, 3, 0}, {0, 1, 0}}));
  spec.partFirst = 0.4; // the numbers stay those of the file
  EXPECT_EQ(rowsOf(spec), (Rows{{0, 1, 0}}));
}

TEST_F(WindowsTest, PartsMeet) {
  write("a.txt", "0123456789");
  SplitSpec spec = text("a.txt", 1, true);
  spec.partLast = 0.35;
  EXPECT_EQ(rowsOf(spec), (Rows{{'0', '1'}, {'1', '2'}}));
  spec.partFirst = 0.35;
  spec.partLast = 1;
  EXPECT_EQ(rowsOf(spec).front(), (std::vector<int64_t>{'3', '4'}));
  EXPECT_EQ(rowsOf(spec).size(), 6U);
}

TEST_F(WindowsTest, TokensOfEveryType) {
  auto tokens = [&](TokenType type, const std::string &bytes) {
    write("t.bin", bytes);
    SplitSpec spec = windows(ReaderKind::bin, "t.bin", 1);
    spec.tokenType = type;
    return rowsOf(spec);
  };
  EXPECT_EQ(tokens(TokenType::u8, "\1\xff"s), (Rows{{1, 255}}));
  EXPECT_EQ(tokens(TokenType::u16, "\1\0\0\xff"s), (Rows{{1, 0xff00}}));
  EXPECT_EQ(tokens(TokenType::i32, "\1\0\0\0\xff\xff\xff\xff"s),
            (Rows{{1, -1}}));
  EXPECT_EQ(tokens(TokenType::u32, "\1\0\0\0\xff\xff\xff\xff"s),
            (Rows{{1, 0xffffffff}}));
  EXPECT_EQ(tokens(TokenType::i64, "\1\0\0\0\0\0\0\0"
                                   "\xfe\xff\xff\xff\xff\xff\xff\xff"s),
            (Rows{{1, -2}}));
}

TEST_F(WindowsTest, SayWhatIsWrong) {
  expectBad(text("none.txt", 2, true), {"none.txt"});
  write("a.txt", "abc");
  expectBad(text("a.txt", 3, true),
            {"a.txt", "has 3 bytes", "a row needs 4", "`part`"});
  SplitSpec spec = text("a.txt", 1, true);
  spec.partFirst = 0.9;
  expectBad(spec, {"has 1 bytes", "a row needs 2"});
  spec.partFirst = 1;
  expectBad(spec, {"impossible part"});
  spec = text("a.txt", 1, true);
  spec.columns[0].limit = 'b';
  expectBad(spec, {"byte 1 (row 1)", "98 is outside [0, 98)", "'tokens'"});
  spec = text("a.txt", 1, false);
  spec.columns[0].limit = 2;
  expectBad(spec, {"has 3 different characters", "'tokens' allows 2"});
  spec.columns[0].last = 2;
  expectBad(spec, {"columns 0..2", "a row of it has 1"});
  write("t.bin", "abc");
  spec = windows(ReaderKind::bin, "t.bin", 1);
  expectBad(spec, {"t.bin", "has 3 bytes", "no tokens of 2 bytes", "`dtype`"});
  write("t.bin", "");
  expectBad(spec, {"has 0 tokens"});
}

TEST_F(WindowsTest, OnlyUtf8HasCharacters) {
  for (const char *bytes :
       {"ab\x80", "ab\xc0\x80", "ab\xc3", "ab\xe0\x80\x80", "ab\xed\xa0\x80",
        "ab\xf4\x90\x80\x80", "ab\xf5\x80\x80\x80", "ab\xff", "ab\xe2\x82"}) {
    write("a.txt", bytes);
    expectBad(text("a.txt", 1, false),
              {"is not UTF-8 at byte 2", "`bytes = true`"});
  }
}

} // namespace
