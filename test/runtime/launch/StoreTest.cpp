//===- StoreTest.cpp - The store serves friends and survives strangers ----===//

#include "runtime/launch/Store.h"
#include "runtime/launch/StoreProtocol.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace mlrt;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

class StoreTest : public testing::Test {
protected:
  void serve(int ranks = 2, double timeoutSeconds = 10) {
    options.address = "127.0.0.1";
    options.secret = "sesame";
    options.ranks = ranks;
    options.timeoutSeconds = timeoutSeconds;
    auto made = StoreServer::listen(options);
    ASSERT_TRUE(made.ok()) << made.status().message();
    server = std::move(*made);
    server->serve();
    options.port = server->port();
  }

  std::unique_ptr<StoreClient> connect() {
    auto made = StoreClient::connect(options);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? std::move(*made) : nullptr;
  }

  /// Rank 0 beats until it hears of a failure, or for `limit`.
  static Status beatUntilBadNews(StoreClient &zero, std::chrono::seconds limit,
                                 const Doing &doing = {}) {
    auto end = std::chrono::steady_clock::now() + limit;
    Status heard;
    while (heard.ok() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      heard = zero.beat(0, doing);
    }
    return heard;
  }

  /// A TCP connection with no manners.
  int stranger() const {
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(file, reinterpret_cast<sockaddr *>(&address),
                        sizeof(address)),
              0);
    return file;
  }

  /// Whether the server closes `file` within `seconds`, whatever it says first.
  static bool isHungUpOn(int file, double seconds) {
    auto end = std::chrono::steady_clock::now() +
               std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
      pollfd polled = {file, POLLIN, 0};
      char bytes[4096];
      if (poll(&polled, 1, 50) > 0 && recv(file, bytes, sizeof(bytes), 0) <= 0)
        return true;
    }
    return false;
  }

  /// The store still does its work.
  void expectAlive() {
    std::unique_ptr<StoreClient> client = connect();
    ASSERT_NE(client, nullptr);
    EXPECT_TRUE(client->set("still", "here").ok());
    Result<std::string> value = client->get("still", 1);
    ASSERT_TRUE(value.ok()) << value.status().message();
    EXPECT_EQ(*value, "here");
  }

  StoreOptions options;
  std::unique_ptr<StoreServer> server;
};

Doing inCollective(uint64_t sequence, uint64_t step) {
  Doing doing;
  doing.header.kind = CollectiveKind::allReduce;
  doing.header.sequence = sequence;
  doing.header.step = step;
  doing.inside = true;
  return doing;
}

std::string sent(std::string_view bytes) {
  return store::Writer().raw(bytes).data();
}

TEST_F(StoreTest, keepsValues) {
  serve();
  auto a = connect(), b = connect();
  ASSERT_TRUE(a && b);
  EXPECT_TRUE(a->set("key", std::string("with a \0 inside", 15)).ok());
  EXPECT_EQ(*b->get("key", 1), std::string("with a \0 inside", 15));
  EXPECT_EQ(*a->setFirst("first", "mine"), "mine");
  EXPECT_EQ(*b->setFirst("first", "yours"), "mine");
  EXPECT_EQ(*a->add("count", 40), 40);
  EXPECT_EQ(*b->add("count", 2), 42);
}

TEST_F(StoreTest, waitsForAValue) {
  serve();
  auto a = connect(), b = connect();
  ASSERT_TRUE(a && b);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_TRUE(b->set("late", "come").ok());
  });
  EXPECT_EQ(*a->get("late", 5), "come");
  later.join();
}

TEST_F(StoreTest, aValueThatNobodySetsTimesOut) {
  serve();
  auto client = connect();
  ASSERT_TRUE(client);
  auto begin = std::chrono::steady_clock::now();
  Result<std::string> value = client->get("never", 0.3);
  EXPECT_EQ(value.status().code(), StatusCode::kTimeout);
  EXPECT_THAT(value.status().message(), HasSubstr("nobody has set 'never'"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  EXPECT_TRUE(client->set("after", "that").ok()); // the connection is whole
}

TEST_F(StoreTest, anotherSecretIsRefused) {
  serve();
  StoreOptions wrong = options;
  for (std::string secret : {"", "Sesame", "sesame "}) {
    wrong.secret = secret;
    auto client = StoreClient::connect(wrong);
    ASSERT_FALSE(client.ok());
    EXPECT_EQ(client.status().code(), StatusCode::kRunFailed);
    EXPECT_THAT(client.status().message(), HasSubstr("another secret"));
  }
  expectAlive();
}

TEST_F(StoreTest, aServerMustKnowTheSecretToo) {
  serve();
  // A false server: says hello, and answers every proof with the client's own.
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr *>(&address), &length);
  std::thread impostor([&] {
    int file = accept(listener, nullptr, nullptr);
    std::string hello =
        sent(std::string(store::kMagic) + std::string(store::kNonceBytes, 'n'));
    (void)!write(file, hello.data(), hello.size());
    char proof[4 + 64];
    (void)!recv(file, proof, sizeof(proof), MSG_WAITALL);
    std::string answer = sent({proof + 4 + 32, 32});
    (void)!write(file, answer.data(), answer.size());
    close(file);
  });
  StoreOptions there = options;
  there.port = ntohs(address.sin_port);
  auto client = StoreClient::connect(there);
  impostor.join();
  close(listener);
  ASSERT_FALSE(client.ok());
  EXPECT_THAT(client.status().message(), HasSubstr("another secret"));
}

TEST_F(StoreTest, garbageIsDisconnected) {
  serve();
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    int file = stranger();
    std::string bytes(1 + random() % 2000, '\0');
    for (char &byte : bytes)
      byte = static_cast<char>(random());
    if (i == 0)
      bytes = "GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    if (i == 1) // as long as a proof, and none
      bytes = sent(std::string(64, 'x'));
    bytes.resize(std::max<size_t>(bytes.size(), 300), 'x');
    (void)!send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    EXPECT_TRUE(isHungUpOn(file, 5)) << "try " << i;
    close(file);
  }
  expectAlive();
}

TEST_F(StoreTest, anOversizeMessageIsDisconnected) {
  serve();
  int file = stranger();
  uint32_t length = 0xffffffff;
  ASSERT_EQ(send(file, &length, sizeof(length), MSG_NOSIGNAL), 4);
  EXPECT_TRUE(isHungUpOn(file, 5));
  close(file);
  // A friend may not fill the store's memory either.
  auto client = connect();
  ASSERT_TRUE(client);
  EXPECT_FALSE(client->set("key", std::string((1 << 20) + 1, 'x')).ok());
  EXPECT_TRUE(connect()->set("key", std::string(1 << 20, 'x')).ok());
  expectAlive();
}

TEST_F(StoreTest, silentClientsBlockNobody) {
  serve();
  std::vector<int> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(stranger());
  char half = 'x'; // one byte of a frame, and no more
  for (int file : silent)
    (void)!send(file, &half, 1, MSG_NOSIGNAL);
  auto begin = std::chrono::steady_clock::now();
  expectAlive();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  // Before they have proved anything they may stay 10 s.
  EXPECT_TRUE(isHungUpOn(silent.front(), 20));
  for (int file : silent)
    close(file);
}

TEST_F(StoreTest, aPortHasOneServer) {
  serve();
  auto second = StoreServer::listen(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kRunFailed);
  EXPECT_THAT(second.status().message(),
              testing::AllOf(HasSubstr("port " + std::to_string(options.port)),
                             HasSubstr("is in use"), HasSubstr("MASTER_PORT")));
  expectAlive();
}

TEST_F(StoreTest, nobodyAtThePortTimesOut) {
  serve();
  server.reset();
  options.timeoutSeconds = 0.5;
  auto client = StoreClient::connect(options);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.status().code(), StatusCode::kTimeout);
  EXPECT_THAT(client.status().message(),
              testing::AllOf(HasSubstr("127.0.0.1:"), HasSubstr("MASTER_ADDR"),
                             HasSubstr("refused")));
}

TEST_F(StoreTest, manyClientsAddTogether) {
  serve();
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 8; ++k) {
        auto made = StoreClient::connect(options);
        if (!made.ok()) {
          ++failures;
          continue;
        }
        for (int i = 0; i < 20; ++i)
          failures += !(*made)->add("sum", 1).ok();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(*connect()->add("sum", 0), 8 * 8 * 20);
}

TEST_F(StoreTest, aRankThatFallsSilentIsNamed) {
  serve(/*ranks=*/2, /*timeoutSeconds=*/2); // missed after a second
  auto zero = connect(), one = connect();
  ASSERT_TRUE(zero && one);
  ASSERT_TRUE(zero->beat(0, {}).ok());
  ASSERT_TRUE(one->beat(1, {}).ok());
  Status heard = beatUntilBadNews(*zero, std::chrono::seconds(8));
  EXPECT_EQ(heard.code(), StatusCode::kTimeout);
  EXPECT_THAT(heard.message(), HasSubstr("rank 1"));
}

/// Ranks beat ten times a second and make a thousand steps: where a dead rank
/// was last heard of is long ago, where it is missed is not.
TEST_F(StoreTest, theCollectiveInWhichARankIsMissedIsNamed) {
  Doing early = inCollective(4, 0), late = inCollective(90, 86);
  late.header.setText("head.w", "digits.mlg:10:8");
  for (bool dies : {false, true}) {
    options.port = 0;
    serve(/*ranks=*/2, /*timeoutSeconds=*/2);
    auto zero = connect(), one = connect();
    ASSERT_TRUE(zero && one);
    ASSERT_TRUE(zero->beat(0, early).ok());
    ASSERT_TRUE(one->beat(1, early).ok());
    if (dies)
      one.reset();
    Status heard = beatUntilBadNews(*zero, std::chrono::seconds(8), late);
    EXPECT_THAT(heard.message(), HasSubstr("rank 1"));
    EXPECT_THAT(heard.message(),
                HasSubstr("rank 0 waited for it in all-reduce #0 'head.w'"));
    EXPECT_THAT(heard.message(), HasSubstr("of step 86, from digits.mlg:10:8"));
  }
}

TEST(WhereaboutsTest, onlyWhatIsNewerIsSaidOfAnother) {
  Doing ranks[] = {inCollective(7, 5), inCollective(8, 6)};
  ranks[1].inside = false;
  EXPECT_THAT(whereabouts(1, ranks), StartsWith("after all-reduce"));
  EXPECT_THAT(whereabouts(1, ranks), Not(HasSubstr("rank 0")));
  ranks[0] = inCollective(9, 6);
  EXPECT_THAT(whereabouts(1, ranks), HasSubstr("; rank 0 waited for it in"));
}

TEST_F(StoreTest, aRankThatDisappearsIsNamed) {
  serve();
  auto zero = connect(), one = connect();
  ASSERT_TRUE(zero && one);
  ASSERT_TRUE(zero->beat(0, {}).ok());
  ASSERT_TRUE(one->beat(1, {}).ok());
  one.reset();
  Status heard = beatUntilBadNews(*zero, std::chrono::seconds(8));
  EXPECT_EQ(heard.code(), StatusCode::kPeerFailed);
  EXPECT_THAT(heard.message(), HasSubstr("rank 1"));
}

TEST_F(StoreTest, aRankThatSaidGoodbyeMayGo) {
  serve();
  auto zero = connect(), one = connect();
  ASSERT_TRUE(zero && one);
  ASSERT_TRUE(zero->beat(0, {}).ok());
  ASSERT_TRUE(one->beat(1, {}).ok());
  ASSERT_TRUE(one->bye(1).ok());
  one.reset();
  Status heard = beatUntilBadNews(*zero, std::chrono::seconds(1));
  EXPECT_TRUE(heard.ok()) << heard.message();
}

TEST_F(StoreTest, aServerThatDisappearsIsNamed) {
  serve();
  auto client = connect();
  ASSERT_TRUE(client);
  server.reset();
  Status status = client->set("key", "value");
  EXPECT_EQ(status.code(), StatusCode::kPeerFailed);
  EXPECT_THAT(status.message(), HasSubstr("rank 0's store"));
  EXPECT_TRUE(client->isLost());
}

/// Requests of any bytes from a client that knows the secret.
TEST_F(StoreTest, nonsenseOfAFriendIsAnswered) {
  serve();
  int file = stranger();
  auto receive = [&] {
    uint32_t length = 0;
    EXPECT_EQ(recv(file, &length, 4, MSG_WAITALL), 4);
    std::string body(length, '\0');
    EXPECT_EQ(recv(file, body.data(), length, MSG_WAITALL),
              static_cast<ssize_t>(length));
    return body;
  };
  std::string hello = receive(), nonce(store::kNonceBytes, 'c');
  Digest proof =
      store::proof("sesame", "client",
                   std::string_view(hello).substr(store::kMagic.size()), nonce);
  std::string bytes = sent(nonce + std::string(store::view(proof)));
  ASSERT_EQ(send(file, bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(bytes.size()));
  receive();
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string request(random() % 40, '\0');
    for (char &byte : request)
      byte = static_cast<char>(random() % (i % 2 ? 256 : 4));
    if (!request.empty())
      request[0] = static_cast<char>(random() % 10);
    if (!request.empty() && request[0] == 2) // may wait for ever
      request[0] = 1;
    bytes = sent(request);
    ASSERT_EQ(send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    ASSERT_GE(receive().size(), 1u);
  }
  close(file);
  expectAlive();
}

} // namespace
