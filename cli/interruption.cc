#include "cli/interruption.h"

#include <pthread.h>

#include <array>

namespace rigsim::cli {
namespace {

constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

bool ignored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Interruption::Interruption() {
  sigemptyset(&held_);
  for (const int signal : kSignals) {
    if (!ignored(signal)) sigaddset(&held_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

Interruption::~Interruption() {
  while (const auto signal = pending()) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, *signal);
    int taken = 0;
    sigwait(&one, &taken);
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> Interruption::pending() const {
  sigset_t waiting;
  sigpending(&waiting);
  for (const int signal : kSignals) {
    if (sigismember(&held_, signal) == 1 && sigismember(&waiting, signal) == 1) return signal;
  }
  return std::nullopt;
}

}  // namespace rigsim::cli
