//===- FileTest.cpp - Files written aside ---------------------------------===//

#include "runtime/core/File.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace mlrt {
namespace {

class FileTest : public ::testing::Test {
protected:
  FileTest() {
    std::string name = fs::temp_directory_path() / "mlrt-file-XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~FileTest() override { fs::remove_all(folder); }

  static std::string contents(const fs::path &path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static Status put(const fs::path &path, std::string_view text) {
    Result<AsideFile> file = AsideFile::create(path);
    if (!file.ok())
      return file.status();
    MLRT_RETURN_IF_ERROR(file->write(text.data(), text.size()));
    return file->commit();
  }
  size_t entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder), {}));
  }

  fs::path folder;
};

TEST_F(FileTest, AFileAppearsWhenItIsWhole) {
  ASSERT_TRUE(put(folder / "a", "old").ok());
  {
    Result<AsideFile> file = AsideFile::create(folder / "a");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new", 3).ok());
    EXPECT_EQ(contents(folder / "a"), "old");
  } // without commit it vanishes
  EXPECT_EQ(contents(folder / "a"), "old");
  EXPECT_EQ(entries(), 1u);
  ASSERT_TRUE(put(folder / "a", "new").ok());
  EXPECT_EQ(contents(folder / "a"), "new");
}

TEST_F(FileTest, APipeIsWrittenAndStaysAPipe) {
  fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  int reader = ::open(pipe.c_str(), O_RDWR);
  ASSERT_TRUE(checkWritable(pipe).ok());
  ASSERT_TRUE(put(pipe, "text").ok());
  char text[4] = {};
  EXPECT_EQ(::read(reader, text, sizeof text), 4);
  EXPECT_EQ(std::string(text, 4), "text");
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(entries(), 1u);
  ::close(reader);
}

TEST_F(FileTest, AWriteGoesThroughALink) {
  fs::create_directory(folder / "there");
  ASSERT_TRUE(put(folder / "there" / "a", "old").ok());
  fs::create_symlink("there/a", folder / "link");
  ASSERT_TRUE(put(folder / "link", "new").ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(contents(folder / "there" / "a"), "new");
}

TEST_F(FileTest, WhatCannotBeWrittenIsSaidBefore) {
  EXPECT_TRUE(checkWritable(folder / "a").ok());
  EXPECT_EQ(entries(), 0u);
  EXPECT_EQ(checkWritable(folder).code(), StatusCode::kRunFailed);
  Status status = checkWritable(folder / "none" / "a");
  EXPECT_EQ(status.code(), StatusCode::kRunFailed);
  EXPECT_NE(status.message().find("cannot write"), std::string::npos);
  fs::create_symlink("self", folder / "self");
  status = checkWritable(folder / "self");
  EXPECT_EQ(status.code(), StatusCode::kRunFailed);
  EXPECT_NE(status.message().find((folder / "self").string()),
            std::string::npos);
}

TEST_F(FileTest, ReadingAndWritingFailWithTheirOwnCodes) {
  EXPECT_EQ(fileError("open", "x", ENOENT).code(), StatusCode::kBadInput);
  EXPECT_EQ(fileError("write", "x", ENOENT).code(), StatusCode::kRunFailed);
  EXPECT_EQ(fileError("write", "x", ENOSPC).code(), StatusCode::kRunFailed);
}

} // namespace
} // namespace mlrt
