// Which oneDNN 2.6 call multiplies the matrices of an MLP training step fastest, and which keeps its bits when the
// number of threads changes?  For every layer and direction it times the library's own calls and explicit splits of the
// result over two threads (each half is a primitive built for one thread), and compares bits.
//
//   g++ -O2 -march=native -std=c++20 -fopenmp matmul.cpp -o /tmp/matmul -ldnnl
//   OMP_WAIT_POLICY=active OMP_PROC_BIND=true /tmp/matmul [FILTER]    only labels containing FILTER
//   /tmp/matmul "" bits                                               also bits on up to 16 threads
//
// Each line: threads, method ("rows/8": the result's rows in 8 chunks), the 10th percentile of many short bursts, its
// GFLOP/s and the best's, the implementation, and whether the bits equal those of the same call on one thread, unsplit.
#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using dnnl::memory;
using dnnl::primitive;
using Args = std::unordered_map<int, memory>;

constexpr size_t kArenaBytes = 64 << 20;
const dnnl::engine engine(dnnl::engine::kind::cpu, 0);

/// One product c[m,n] = a[m,k] * b[k,n]; a_trans and b_trans: the operand is stored transposed.
struct Product {
  std::string label;
  int m, n, k;
  bool a_trans = false, b_trans = false;
  double flops() const { return 2.0 * m * n * k; }
};

std::vector<Product> products() {
  std::vector<Product> all;
  auto layer = [&](int batch, int in, int out) {
    std::string name = std::to_string(batch) + ":" + std::to_string(in) + "x" + std::to_string(out);
    all.push_back({"forward " + name, batch, out, in});
    all.push_back({"dgrad   " + name, batch, in, out, false, true});
    all.push_back({"wgrad   " + name, in, out, batch, true, false});
  };
  for (int batch : {128, 1024}) {
    for (auto [in, out] : {std::pair{784, 400}, {400, 40}, {400, 20}, {20, 400}, {400, 784}}) layer(batch, in, out);
  }
  const int widths[] = {784, 1000, 500, 250, 30, 250, 500, 1000, 784};
  for (int i = 0; i + 1 < 9; ++i) layer(256, widths[i], widths[i + 1]);
  return all;
}

struct Buffers {
  float *a, *b, *c, *bias;
};

memory::desc matrix(int rows, int cols, bool trans, int stored_rows, int stored_cols) {
  return trans ? memory::desc({rows, cols}, memory::data_type::f32, memory::dims{1, stored_rows})
               : memory::desc({rows, cols}, memory::data_type::f32, memory::dims{stored_cols, 1});
}

memory bind(const memory::desc& desc, float* data) { return memory(desc, engine, data); }

/// A primitive with its arguments; `run` may be called from inside a parallel region.
struct Call {
  primitive op;
  Args args;
  std::string impl;
  void run(dnnl::stream& stream) const { op.execute(stream, args); }
};

template <class Desc>
Call finish(const Desc& pd, Args args) {
  args[DNNL_ARG_SCRATCHPAD] = memory(pd.scratchpad_desc(), engine);
  return {primitive(pd), std::move(args), pd.impl_info_str()};
}

/// The part of product `p` with rows [m0, m1), columns [n0, n1) as a matmul primitive for the current thread count.
Call matmul(const Product& p, const Buffers& x, int m0, int m1, int n0, int n1, bool bias_relu = false) {
  int rows = m1 - m0, cols = n1 - n0;
  auto a = matrix(rows, p.k, p.a_trans, p.m, p.k);
  auto b = matrix(p.k, cols, p.b_trans, p.k, p.n);
  auto c = matrix(rows, cols, false, p.m, p.n);
  memory::desc bias({1, cols}, memory::data_type::f32, memory::dims{p.n, 1});
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (bias_relu) {
    dnnl::post_ops ops;
    ops.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
    attr.set_post_ops(ops);
  }
  auto desc = bias_relu ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
  dnnl::matmul::primitive_desc pd(desc, attr, engine);
  float* a_data = x.a + (p.a_trans ? m0 : size_t(m0) * p.k);
  float* b_data = x.b + (p.b_trans ? size_t(n0) * p.k : n0);
  Args args{{DNNL_ARG_SRC, bind(a, a_data)},
            {DNNL_ARG_WEIGHTS, bind(b, b_data)},
            {DNNL_ARG_DST, bind(c, x.c + size_t(m0) * p.n + n0)}};
  if (bias_relu) args[DNNL_ARG_BIAS] = bind(bias, x.bias + n0);
  return finish(pd, std::move(args));
}

/// The same product as one direction of an inner product, as in training.
Call inner_product(const Product& p, const Buffers& x) {
  using dnnl::prop_kind;
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  auto plain = [](int rows, int cols) { return matrix(rows, cols, false, rows, cols); };
  auto c = plain(p.m, p.n);
  if (p.a_trans) {  // c = dw[in, out] from x[batch, in], dy[batch, out]
    auto src = plain(p.k, p.m), dy = plain(p.k, p.n), dw = matrix(p.n, p.m, true, p.n, 0);
    dnnl::inner_product_forward::primitive_desc hint(
        dnnl::inner_product_forward::desc(prop_kind::forward_training, src, dw, dy), engine);
    dnnl::inner_product_backward_weights::primitive_desc pd(dnnl::inner_product_backward_weights::desc(src, dw, dy),
                                                            attr, engine, hint);
    return finish(
        pd,
        {{DNNL_ARG_SRC, bind(src, x.a)}, {DNNL_ARG_DIFF_WEIGHTS, bind(dw, x.c)}, {DNNL_ARG_DIFF_DST, bind(dy, x.b)}});
  }
  if (p.b_trans) {  // c = dx[batch, in] from dy[batch, out], w[in, out]
    auto dy = plain(p.m, p.k), w = memory::desc({p.k, p.n}, memory::data_type::f32, memory::dims{1, p.k});
    dnnl::inner_product_forward::primitive_desc hint(
        dnnl::inner_product_forward::desc(prop_kind::forward_training, c, w, dy), engine);
    dnnl::inner_product_backward_data::primitive_desc pd(dnnl::inner_product_backward_data::desc(c, w, dy), attr,
                                                         engine, hint);
    return finish(
        pd, {{DNNL_ARG_DIFF_SRC, bind(c, x.c)}, {DNNL_ARG_WEIGHTS, bind(w, x.b)}, {DNNL_ARG_DIFF_DST, bind(dy, x.a)}});
  }
  auto src = plain(p.m, p.k), w = memory::desc({p.n, p.k}, memory::data_type::f32, memory::dims{1, p.n});
  dnnl::inner_product_forward::primitive_desc pd(
      dnnl::inner_product_forward::desc(prop_kind::forward_training, src, w, c), attr, engine);
  return finish(pd, {{DNNL_ARG_SRC, bind(src, x.a)}, {DNNL_ARG_WEIGHTS, bind(w, x.b)}, {DNNL_ARG_DST, bind(c, x.c)}});
}

void sgemm(const Product& p, const Buffers& x, int m0, int m1, int n0, int n1) {
  dnnl_sgemm(p.a_trans ? 'T' : 'N', p.b_trans ? 'T' : 'N', m1 - m0, n1 - n0, p.k, 1.f,
             x.a + (p.a_trans ? m0 : size_t(m0) * p.k), p.a_trans ? p.m : p.k,
             x.b + (p.b_trans ? size_t(n0) * p.k : n0), p.b_trans ? p.k : p.n, 0.f, x.c + size_t(m0) * p.n + n0, p.n);
}

/// A method to compute the product, ready to run; the caller sets `threads` around it.
struct Way {
  std::string name, impl, compare;  // compare: the one-thread method whose bits it should match
  int threads;
  std::function<void()> run;
  std::vector<double> ms;
  std::vector<float> result;
};

double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The start of chunk i of `chunks` if `size` is cut at multiples of `step`.
int cut(int size, int chunks, int step, int i) {
  return i == chunks ? size : std::min(size, int(int64_t(size) * i / chunks + step - 1) / step * step);
}

std::vector<Way> ways(const Product& p, const Buffers& x) {
  static dnnl::stream stream(engine), streams[2] = {dnnl::stream(engine), dnnl::stream(engine)};
  const bool forward = !p.a_trans && !p.b_trans;
  std::vector<Way> all;
  auto add = [&](std::string name, int threads, std::string impl, std::string compare, std::function<void()> run) {
    all.push_back({std::move(name), std::move(impl), std::move(compare), threads, std::move(run), {}, {}});
  };
  auto add_call = [&](const std::string& name, int threads, const std::function<Call()>& make) {
    omp_set_num_threads(threads);
    auto call = std::make_shared<Call>(make());
    add(name, threads, call->impl, name, [call] { call->run(stream); });
  };
  // Each part of the result is a primitive built for one thread; two threads process alternating parts.
  auto add_split = [&](bool rows, int chunks, bool bias_relu) {
    omp_set_num_threads(1);
    auto parts = std::make_shared<std::vector<Call>>();
    for (int i = 0; i < chunks; ++i) {
      int lo = rows ? cut(p.m, chunks, 8, i) : cut(p.n, chunks, 16, i);
      int hi = rows ? cut(p.m, chunks, 8, i + 1) : cut(p.n, chunks, 16, i + 1);
      if (lo < hi)
        parts->push_back(matmul(p, x, rows ? lo : 0, rows ? hi : p.m, rows ? 0 : lo, rows ? p.n : hi, bias_relu));
    }
    std::string base = bias_relu ? "matmul+b+relu" : "matmul";
    add(base + (rows ? " rows/" : " cols/") + std::to_string(chunks), 2, parts->front().impl, base, [parts] {
#pragma omp parallel for num_threads(2) schedule(static)
      for (size_t i = 0; i < parts->size(); ++i) (*parts)[i].run(streams[omp_get_thread_num()]);
    });
  };
  auto add_sgemm = [&](bool rows, int chunks) {
    add(std::string("sgemm") + (rows ? " rows/" : " cols/") + std::to_string(chunks), 2, "", "sgemm",
        [&p, &x, rows, chunks] {
#pragma omp parallel for num_threads(2) schedule(static)
          for (int i = 0; i < chunks; ++i) {
            int lo = rows ? cut(p.m, chunks, 8, i) : cut(p.n, chunks, 16, i);
            int hi = rows ? cut(p.m, chunks, 8, i + 1) : cut(p.n, chunks, 16, i + 1);
            if (lo < hi) sgemm(p, x, rows ? lo : 0, rows ? hi : p.m, rows ? 0 : lo, rows ? p.n : hi);
          }
        });
  };
  for (int threads : {1, 2}) {
    add_call("matmul", threads, [&] { return matmul(p, x, 0, p.m, 0, p.n); });
    add_call("inner product", threads, [&] { return inner_product(p, x); });
    add("sgemm", threads, "", "sgemm", [&p, &x] { sgemm(p, x, 0, p.m, 0, p.n); });
    if (forward) add_call("matmul+b+relu", threads, [&] { return matmul(p, x, 0, p.m, 0, p.n, true); });
  }
  if (forward) add_split(true, 2, true);
  for (int chunks : {2, 8}) {
    for (bool rows : {true, false}) {
      add_split(rows, chunks, false);
      add_sgemm(rows, chunks);
    }
  }
  return all;
}

/// Bits of the library's own calls on more threads than cores: "same" or the thread counts that differ.
std::string bits_on_many_threads(const Product& p, const Buffers& x,
                                 const std::function<std::function<void()>()>& make) {
  const size_t bytes = size_t(p.m) * p.n * sizeof(float);
  std::vector<float> one(size_t(p.m) * p.n);
  std::string differ;
  for (int threads : {1, 2, 3, 4, 8, 16}) {
    omp_set_num_threads(threads);
    make()();
    if (threads == 1) std::memcpy(one.data(), x.c, bytes);
    if (std::memcmp(one.data(), x.c, bytes) != 0) differ += " " + std::to_string(threads);
  }
  return differ.empty() ? "same" : "differ on" + differ;
}

void study(const Product& p, bool check_bits) {
  // One arena on huge pages, as in the runtime.
  const size_t size = size_t(p.m) * p.n;
  static auto* arena = static_cast<float*>(std::aligned_alloc(2 << 20, kArenaBytes));
  madvise(arena, kArenaBytes, MADV_HUGEPAGE);
  float* next = arena;
  auto fill = [&](size_t count) {
    float* data = next;
    next += (count + 1023) / 1024 * 1024;
    for (size_t i = 0; i < count; ++i) data[i] = float(std::rand()) / float(RAND_MAX) - .5f;
    return data;
  };
  Buffers x{fill(size_t(p.m) * p.k), fill(size_t(p.k) * p.n), fill(size), fill(p.n)};
  std::vector<Way> all = ways(p, x);
  const int burst = std::max(3, int(1.5e8 / p.flops()));
  for (int round = 0; round < 12; ++round) {
    for (Way& way : all) {
      omp_set_num_threads(way.threads);
      for (int i = 0; i < 2; ++i) way.run();
      if (round == 0) way.result.assign(x.c, x.c + size);
      for (int i = 0; i < burst; ++i) {
        double start = now();
        way.run();
        way.ms.push_back(now() - start);
      }
    }
  }
  std::printf("%s  m %d n %d k %d  %.1f MFLOP\n", p.label.c_str(), p.m, p.n, p.k, p.flops() / 1e6);
  auto same = [](const Way& a, const Way& b) {
    return std::memcmp(a.result.data(), b.result.data(), a.result.size() * sizeof(float)) == 0;
  };
  for (Way& way : all) {
    std::sort(way.ms.begin(), way.ms.end());
    double p10 = way.ms[way.ms.size() / 10], best = way.ms.front();
    std::string bits;
    for (const Way& one : all) {
      if (way.threads == 2 && one.threads == 1 && one.name == way.compare) bits = same(way, one) ? "same" : "DIFF";
    }
    std::printf("  %dt %-20s %8.1f us  %6.1f GFLOP/s (best %6.1f)  %-18s %s\n", way.threads, way.name.c_str(),
                p10 * 1e3, p.flops() / p10 / 1e6, p.flops() / best / 1e6, way.impl.c_str(), bits.c_str());
  }
  if (!check_bits) return;
  auto of_matmul = bits_on_many_threads(p, x, [&]() -> std::function<void()> {
    auto call = std::make_shared<Call>(matmul(p, x, 0, p.m, 0, p.n));
    return [call] { call->run(*std::make_unique<dnnl::stream>(engine)); };
  });
  auto of_sgemm = bits_on_many_threads(p, x, [&] { return [&] { sgemm(p, x, 0, p.m, 0, p.n); }; });
  std::printf("  bits on 1, 2, 3, 4, 8, 16 threads: matmul %s; sgemm %s\n", of_matmul.c_str(), of_sgemm.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string filter = argc > 1 ? argv[1] : "";
  const bool check_bits = argc > 2 && std::string(argv[2]) == "bits";
  for (const Product& p : products()) {
    if (p.label.find(filter) != std::string::npos) study(p, check_bits);
  }
}
