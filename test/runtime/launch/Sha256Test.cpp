//===- Sha256Test.cpp - Known answers of SHA-256 and HMAC -----------------===//

#include "runtime/launch/Sha256.h"

#include "gtest/gtest.h"

#include <cstdio>
#include <string>

using namespace mlrt;

namespace {

std::string hex(const Digest &digest) {
  std::string text;
  for (uint8_t byte : digest) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

// FIPS 180-4 and NIST's CAVP (SHA256ShortMsg).
TEST(Sha256Test, knownAnswers) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb924"
                             "27ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223"
                                "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnop"
                       "nopq")),
            "248d6a61d20638b8e5c026930c3e6039"
            "a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256("\xd3")), "28969cdfa74a12c82f3bad960b0b000a"
                                 "ca2ac329deea5c2328ebc6f2ba9802c1");
  EXPECT_EQ(hex(sha256(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67"
            "f1809a48a497200e046d39ccc7112cd0");
}

/// Lengths around the end of a block, where the padding needs another one.
/// The answers are those of `head -c N /dev/zero | tr '\0' a | sha256sum`.
TEST(Sha256Test, paddingAtTheEndOfABlock) {
  EXPECT_EQ(hex(sha256(std::string(55, 'a'))),
            "9f4390f8d30c2dd92ec9f095b65e2b9a"
            "e9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(hex(sha256(std::string(56, 'a'))),
            "b35439a4ac6f0948b6d6f9e3c6af0f5f"
            "590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(hex(sha256(std::string(64, 'a'))),
            "ffe054fe7ae0cb6dc65c3af9b61d5209"
            "f439851db43d0ba5997337df154668eb");
}

// RFC 4231, cases 1 to 3, 6 and 7.
TEST(Sha256Test, hmacKnownAnswers) {
  EXPECT_EQ(hex(hmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b"
            "881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c7"
            "5a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmacSha256(std::string(20, '\xaa'), std::string(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a7"
            "2959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(
      hex(hmacSha256(std::string(131, '\xaa'),
                     "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f"
      "8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(
      hex(hmacSha256(
          std::string(131, '\xaa'),
          "This is a test using a larger than block-size key and a larger "
          "than block-size data. The key needs to be hashed before being "
          "used by the HMAC algorithm.")),
      "9b09ffa71b942fcb27635fbcd5b0e944"
      "bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Sha256Test, comparesAllBytes) {
  Digest a = sha256("a"), b = a;
  EXPECT_TRUE(sameDigest(a, b));
  b.back() ^= 1;
  EXPECT_FALSE(sameDigest(a, b));
  b = a;
  b.front() ^= 0x80;
  EXPECT_FALSE(sameDigest(a, b));
}

} // namespace
