// CUDA C++ as plain C++ on one host core, for tests without a GPU: blocks run in turn, and the threads of a block run
// on fibers. A fiber runs threads in turn until one of them waits for the others; only then does the next thread get
// another fiber. So kernels that never wait are plain loops.
//
// The text of translation_unit() includes this file. It supports one-dimensional grids and blocks, static and dynamic
// shared memory, __syncthreads, __syncwarp, and shuffles in which all lanes of a warp take part.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

static dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace weft_emulate {

constexpr std::size_t kStackBytes = 128 << 10;
constexpr unsigned kWarp = 32;

#if defined(__x86_64__)
// Saves the callee-saved registers on the stack of one fiber and restores those of another.
__attribute__((naked, noipa)) static void switch_stack(void** /*from: rdi*/, void* /*to: rsi*/) {
  __asm__ volatile(
      "pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15;"
      "movq %rsp, (%rdi); movq %rsi, %rsp;"
      "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp; ret");
}
struct Context {
  void* stack_pointer = nullptr;
  void start(char* stack, std::size_t bytes, void (*function)()) {
    auto** top = reinterpret_cast<void**>(reinterpret_cast<std::uintptr_t>(stack + bytes) & ~std::uintptr_t{15});
    *--top = nullptr;  // at function entry the stack is 8 bytes off a multiple of 16
    *--top = reinterpret_cast<void*>(function);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    stack_pointer = top;
  }
  void switch_to(Context& other) { switch_stack(&stack_pointer, other.stack_pointer); }
};
#else
struct Context {
  ucontext_t context;
  void start(char* stack, std::size_t bytes, void (*function)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = bytes;
    context.uc_link = nullptr;
    makecontext(&context, function, 0);
  }
  void switch_to(Context& other) { swapcontext(&context, &other.context); }
};
#endif

// Threads that wait for each other: a block or a warp.
struct Barrier {
  unsigned members = 0, arrived = 0, generation = 0;
  void reset(unsigned count) { *this = {count, 0, generation}; }
  void release_if_full() {
    if (arrived == 0 || arrived < members) return;
    arrived = 0;
    ++generation;
  }
};

struct Fiber {
  Context context;
  char* stack = nullptr;
  bool is_busy = false;  // one of its threads has begun and not ended
};

class Block {
 public:
  using Body = void (*)(void* arguments);

  ~Block() {
    for (Fiber* fiber : fibers_) {
      std::free(fiber->stack);
      delete fiber;
    }
  }

  void run(Body body, void* arguments) {
    body_ = body;
    arguments_ = arguments;
    next_thread_ = 0;
    block_.reset(blockDim.x);
    const unsigned warps = (blockDim.x + kWarp - 1) / kWarp;
    if (warps_.size() < warps) warps_.resize(warps);
    for (unsigned w = 0; w < warps; ++w) warps_[w].reset(std::min(kWarp, blockDim.x - w * kWarp));
    used_ = 0;
    if (shuffles_.size() < blockDim.x) shuffles_.resize(blockDim.x);
    enter_new_fiber(main_);
  }

  void wait_for_block() { wait(block_); }
  void wait_for_warp() { wait(warps_[threadIdx.x / kWarp]); }

  // The value passed by thread `from` of the same warp. Slots alternate, so one wait is enough.
  template <typename T>
  T shuffle(T value, unsigned from) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    const unsigned me = threadIdx.x, slot = shuffles_[me].count++ & 1u;
    std::memcpy(&shuffles_[me].slots[slot], &value, sizeof value);
    wait_for_warp();
    T result;
    std::memcpy(&result, &shuffles_[from].slots[slot], sizeof result);
    return result;
  }

  void* shared(std::size_t bytes) {
    if (shared_.size() * sizeof(uint4) < bytes) shared_.resize(bytes / sizeof(uint4) + 1);
    return shared_.data();
  }

 private:
  struct Shuffle {
    unsigned count = 0;
    std::uint64_t slots[2];
  };

  static void fiber_main();

  void run_threads() {
    Fiber& mine = *fibers_[current_];
    while (next_thread_ < blockDim.x) {
      threadIdx.x = next_thread_++;
      mine.is_busy = true;
      const unsigned thread = threadIdx.x;
      body_(arguments_);
      Barrier& warp = warps_[thread / kWarp];
      --block_.members;
      --warp.members;
      shuffles_[thread].count = 0;
      block_.release_if_full();
      warp.release_if_full();
    }
    mine.is_busy = false;
    const unsigned next = next_busy();
    if (next == used_) {
      mine.context.switch_to(main_);
    } else {
      const unsigned from = current_;
      current_ = next;
      fibers_[from]->context.switch_to(fibers_[next]->context);
    }
  }

  // `used_` if no fiber is busy.
  unsigned next_busy() const {
    for (unsigned i = 1; i <= used_; ++i) {
      const unsigned fiber = (current_ + i) % used_;
      if (fibers_[fiber]->is_busy) return fiber;
    }
    return used_;
  }

  void enter_new_fiber(Context& from) {
    current_ = used_++;
    if (fibers_.size() < used_) {
      fibers_.push_back(new Fiber);
      fibers_.back()->stack = static_cast<char*>(std::malloc(kStackBytes));
    }
    Fiber& fiber = *fibers_[current_];
    fiber.context.start(fiber.stack, kStackBytes, &fiber_main);
    from.switch_to(fiber.context);
  }

  void wait(Barrier& barrier) {
    const unsigned generation = barrier.generation, thread = threadIdx.x, mine = current_;
    ++barrier.arrived;
    barrier.release_if_full();
    unsigned rounds = 0;
    while (barrier.generation == generation) {
      if (next_thread_ < blockDim.x) {
        enter_new_fiber(fibers_[mine]->context);
      } else {
        const unsigned next = next_busy();
        // Each round lets every other thread run to its next wait.
        if (next == mine || ++rounds > 1000000) {
          std::fprintf(stderr, "emulation: thread %u waits for threads that never arrive\n", thread);
          std::abort();
        }
        current_ = next;
        fibers_[mine]->context.switch_to(fibers_[next]->context);
      }
      current_ = mine;
      threadIdx.x = thread;
    }
  }

  Body body_ = nullptr;
  void* arguments_ = nullptr;
  Context main_;
  std::vector<Fiber*> fibers_;
  unsigned used_ = 0, current_ = 0, next_thread_ = 0;
  Barrier block_;
  std::vector<Barrier> warps_;
  std::vector<Shuffle> shuffles_;
  std::vector<uint4> shared_;
};

static Block block;

inline void Block::fiber_main() {
  block.run_threads();
  std::abort();  // a fiber without a thread is never resumed
}

template <typename... Pointers, std::size_t... I>
void call(void (*kernel)(Pointers...), void** arguments, std::index_sequence<I...>) {
  kernel(*static_cast<Pointers*>(arguments[I])...);
}

template <auto kernel, typename... Pointers>
void launch(void (*)(Pointers...), unsigned blocks, unsigned threads, std::size_t shared_bytes, void** arguments) {
  gridDim.x = blocks;
  blockDim.x = threads;
  block.shared(shared_bytes);
  for (unsigned b = 0; b < blocks; ++b) {
    blockIdx.x = b;
    block.run(
        [](void* given) { call(kernel, static_cast<void**>(given), std::make_index_sequence<sizeof...(Pointers)>()); },
        arguments);
  }
}

}  // namespace weft_emulate

static inline void __syncthreads() { weft_emulate::block.wait_for_block(); }
static inline void __syncwarp(unsigned = 0xffffffffu) { weft_emulate::block.wait_for_warp(); }

template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return weft_emulate::block.shuffle(value, threadIdx.x ^ unsigned(mask));
}
template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return weft_emulate::block.shuffle(value, (threadIdx.x & ~31u) + unsigned(lane));
}
template <typename T>
T __shfl_down_sync(unsigned, T value, int delta) {
  const unsigned lane = (threadIdx.x & 31u) + unsigned(delta);
  return weft_emulate::block.shuffle(value, lane < 32 ? threadIdx.x + unsigned(delta) : threadIdx.x);
}

static inline int __float_as_int(float x) {
  int bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float __int_as_float(int bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
static inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((std::uint64_t(a) * b) >> 32); }
static inline int __float2int_rz(float x) {
  if (x != x) return 0;
  if (x >= 0x1p31f) return 2147483647;
  return x < -0x1p31f ? -2147483647 - 1 : int(x);
}
