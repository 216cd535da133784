// The polynomials. Most are N. Juffa's minimax fits for float with fused multiply-add (public, BSD 2-clause); each
// function states its range reduction.
#include "backends/cpu/codegen/vector_math.h"

#include <cmath>
#include <limits>

namespace weft::cpu {

using ir::scalar::polynomial;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// ln 2 and pi/2 in parts whose products with small integers are exact or nearly so.
constexpr double kLn2High = 0x1.62e400p-1, kLn2Low = 0x1.7f7d1cp-20, kLog2E = 1.4426950408889634;

Value at_most(const Value& x, double bound) { return choose(lt(bound, x), bound, x); }  // NaN stays NaN
Value at_least(const Value& x, double bound) { return choose(lt(x, bound), bound, x); }

// 2^n for integer n in [-126, 127], in the integer kind of the same width.
Value power_of_two(const Value& n) { return bits_as(shift_left(n + 127.0, 23), Kind::f32); }

Value avx512_two(const char* name, const Value& a, const Value& b) {
  Code& code = a.code();
  LLVMTypeRef mask = LLVMInt16TypeInContext(code.context);
  return {code, code.intrinsic(name, {},
                               {a.as(code, Kind::f32), b.as(code, Kind::f32), LLVMConstNull(code.vector(Kind::f32)),
                                LLVMConstAllOnes(mask), LLVMConstInt(code.i32, 4, 0)})};
}

// x * 2^n for integer n, as f32; results may be subnormal or infinite.
Value scale(const Value& x, const Value& n) {
  if (n.code().target.avx512) return avx512_two("llvm.x86.avx512.mask.scalef.ps.512", x, n);
  const Value whole = convert_fast(n, Kind::i32);
  const Value half = shift_right_signed(whole, 1);
  return x * power_of_two(half) * power_of_two(whole - half);
}

// e^x = 2^n * e^r, |r| <= ln(2)/2.
struct ReducedExp {
  Value n, r;
};
ReducedExp reduce_exp(const Value& x) {
  const Value n = round_even(x * kLog2E);
  return {n, fma(n, -kLn2Low, fma(n, -kLn2High, x))};
}

// u = 2^e * m with m in [0.75, 1.5); the caller must fix the results for 0, negatives, infinity and NaN.
struct Split {
  Value e, m;
};
Split split(const Value& u) {
  Code& code = u.code();
  if (code.target.avx512) {
    LLVMTypeRef mask_type = LLVMInt16TypeInContext(code.context);
    LLVMValueRef none = LLVMConstNull(code.vector(Kind::f32)), all = LLVMConstAllOnes(mask_type),
                 rounding = LLVMConstInt(code.i32, 4, 0);
    // On [0.75, 1.5); NaN for negatives.
    const Value m{code, code.intrinsic("llvm.x86.avx512.mask.getmant.ps.512", {},
                                       {u.llvm(), LLVMConstInt(code.i32, 3 | 2 << 2, 0), none, all, rounding})};
    const Value e{code, code.intrinsic("llvm.x86.avx512.mask.getexp.ps.512", {}, {u.llvm(), none, all, rounding})};
    return {choose(lt(m, 1.0), e + 1.0, e), m};
  }
  const Value subnormal = lt(u, 0x1p-126);
  const Value normal = choose(subnormal, u * 0x1p23, u);
  const Value bits = bits_as(normal, Kind::i32);
  const Value exponent_bits = (bits - double(0x3f400000)) & -8388608.0;  // 0xff800000
  const Value e = convert(exponent_bits, Kind::f32) * 0x1p-23;
  return {choose(subnormal, e - 23.0, e), bits_as(bits - exponent_bits, Kind::f32)};
}

// log(1+f) for f in [-0.25, 0.5], plus e * ln 2.
Value log_of_parts(const Value& f, const Value& e) {
  const Value s = f * f;
  Value r = polynomial(s, {-4.54559326e-2, -1.32279143e-1, -1.66416913e-1, -2.50002742e-1});
  const Value t = polynomial(s, {1.05529785e-1, 1.44911334e-1, 1.99887753e-1});
  r = fma(t, f, r);
  r = fma(r, f, 3.33335280e-1);
  r = fma(r, f, -4.99999970e-1);
  r = fma(r, s, f);
  return fma(e, 0.693147182, r);
}

// For arguments that are positive, finite and normal.
Value log_positive(const Value& x) {
  const Split parts = split(x);
  return log_of_parts(parts.m - 1.0, parts.e);
}

}  // namespace

Value exp(const Value& x) {
  const auto [n, r] = reduce_exp(at_least(at_most(x, 89.0), -104.0));
  const Value p = polynomial(r, {1.37805939e-3, 8.37312452e-3, 4.16695364e-2, 1.66664720e-1, 4.99999851e-1, 1.0, 1.0});
  return scale(p, n);
}

// 2^n * (e^r - 1) + (2^n - 1), through halves so that 2^n does not overflow; the difference keeps its rounding error.
// For n = 1 it is 2 * (e^r - 1/2), without cancellation.
Value expm1(const Value& x) {
  const auto [n, r] = reduce_exp(at_least(at_most(x, 89.0), -18.0));
  const Value is_one = eq(n, 1.0);
  const Value p =
      polynomial(r, {1.97350979e-4, 1.39309070e-3, 8.33343994e-3, 4.16668020e-2, 1.66666716e-1, 4.99999970e-1});
  const Value v = fma(p, r * r, choose(is_one, r + 0.5, r));
  const Value half = power_of_two(convert_fast(n, Kind::i32) - 1.0);
  const Value y = half - 0.5;
  const Value lost = (half - y) - 0.5;
  const Value result = choose(is_one, v, fma(v, half, lost) + y);
  return choose(eq(n, 0.0), v, result + result);
}

Value log(const Value& x) {
  const Value r = log_positive(x);
  if (x.code().target.avx512) return r;  // getexp and getmant handle 0, negatives, infinity and NaN
  const Value at_edge = choose(eq(x, 0.0), -kInfinity, choose(lt(x, 0.0), kNaN, x));
  return choose(both(lt(0.0, x), lt(x, kInfinity)), r, at_edge);
}

// 1+x = 2^e * (1+f); f is computed from x itself, so nothing is lost for small x.
Value log1p(const Value& x) {
  Code& code = x.code();
  const auto [e, m] = split(x + 1.0);
  Value f;
  if (code.target.avx512) {
    const Value down = scale(Value(code, code.splat_number(Kind::f32, 1)), -e);
    f = fma(x, down, down - 1.0);
  } else {  // 2^-e would be subnormal for the largest x, to which adding 1 makes no difference
    const Value down = power_of_two(-convert_fast(at_most(e, 64.0), Kind::i32));
    f = choose(lt(e, 64.0), fma(x, down, down - 1.0), m - 1.0);
  }
  const Value r = log_of_parts(f, e);
  const Value at_edge = choose(eq(x, -1.0), -kInfinity, choose(lt(x, -1.0), kNaN, x));
  return choose(both(lt(-1.0, x), lt(x, kInfinity)), r, at_edge);
}

// 1+x = 2^e * (1+f) without looking at bits: e is 1 above a half.
Value log1p_of_unit(const Value& x) {
  const Value upper = lt(0.5, x);
  return log_of_parts(choose(upper, fma(x, 0.5, -0.5), x), choose(upper, 1.0, 0.0));
}

namespace {

// On [-pi/4, pi/4].
Value sin_core(const Value& r) {
  const Value s = r * r;
  const Value p = polynomial(s, {2.86567956e-6, -1.98559923e-4, 8.33338592e-3, -1.66666672e-1});
  return fma(p, r * s, r);
}
Value cos_core(const Value& r) {
  return polynomial(r * r, {2.44677067e-5, -1.38877297e-3, 4.16666567e-2, -5.00000000e-1, 1.0});
}

// sin of r + quadrant * pi/2.
Value sin_of_quadrant(const Value& r, const Value& quadrant) {
  const Value odd = negate(eq(quadrant & 1.0, 0.0));
  const Value magnitude = choose(odd, cos_core(r), sin_core(r));
  const Value sign = shift_left(quadrant & 2.0, 30);
  return bits_as(bits_as(magnitude, Kind::i32) ^ sign, Kind::f32);
}

struct ReducedAngle {
  Value r, quadrant;
};

// x - n pi/2 in float: accurate enough while n has few bits.
ReducedAngle reduce_near(const Value& x) {
  const Value n = round_even(x * 0.636619747);
  Value r = fma(n, -0x1.921fb0p+00, x);
  r = fma(n, -0x1.5110b4p-22, r);
  r = fma(n, -0x1.846988p-48, r);
  return {r, convert_fast(n, Kind::i32)};
}

// The same in double, accurate enough for |x| below 2^50. Beyond, neighbouring floats are many turns apart, and the
// result is that of 0. Infinity becomes NaN.
ReducedAngle reduce_far(const Value& x) {
  const Value wide = convert_fast(x, Kind::f64);
  const Value known = lt(abs(wide), 0x1p50);
  const Value n = choose(known, round_even(wide * 0x1.45f306dc9c883p-1), 0.0);
  Value r = fma(n, -0x1.921fb54442d18p+0, wide);
  // NOLINTNEXTLINE(misc-redundant-expression): NaN for what is not finite
  r = choose(known, fma(n, -0x1.1a62633145c07p-54, r), wide - wide);
  const Value turns = floor(n * 0.25);
  return {convert_fast(r, Kind::f32), convert_fast(fma(turns, -4.0, n), Kind::i32)};
}

Value sin_shifted(const Value& x, double quadrants) {
  Code& code = x.code();
  const ReducedAngle near = reduce_near(x);
  const Value far_lanes = negate(lt(abs(x), 32768.0));  // NaN and infinity too
  LLVMBasicBlockRef before = code.here(), far_block = code.block("far"), after = code.block("angle");
  LLVMBuildCondBr(code.builder, any(far_lanes).llvm(), far_block, after);
  LLVMPositionBuilderAtEnd(code.builder, far_block);
  const ReducedAngle far = reduce_far(x);
  code.go_to(after);
  const auto join = [&](const Value& a, const Value& b, Kind kind) {
    LLVMValueRef phi = LLVMBuildPhi(code.builder, code.vector(kind), "");
    LLVMValueRef values[] = {a.llvm(), b.llvm()};
    LLVMBasicBlockRef blocks[] = {before, far_block};
    LLVMAddIncoming(phi, values, blocks, 2);
    return Value(code, phi);
  };
  const Value r = join(near.r, far.r, Kind::f32), quadrant = join(near.quadrant, far.quadrant, Kind::i32);
  return sin_of_quadrant(r, quadrants == 0 ? quadrant : quadrant + quadrants);
}

}  // namespace

Value sin(const Value& x) { return sin_shifted(x, 0); }
Value cos(const Value& x) { return sin_shifted(x, 1); }

// 1 - 2 / (e^2|x| + 1), or an odd polynomial near 0, where that would cancel.
Value tanh(const Value& x) {
  const Value t = abs(x), s = x * x;
  const Value far = copysign(fma(1.0 / (exp(t + t) + 1.0), -2.0, 1.0), x);
  const Value near = polynomial(s, {1.57394409e-2, -5.23025580e-2, 1.33152470e-1, -3.33327681e-1});
  return choose(lt(t, 0.5078125), fma(near * s, x, x), far);
}

Value erf(const Value& x) {
  const Value t = abs(x), s = x * x;
  // 1 - e^-q(t) far from 0.
  Value far = fma(t, -1.72853470e-5, 3.83197126e-4);
  far = fma(far, s, fma(t, -3.88396438e-3, 2.42546219e-2));
  far = fma(far, t, -1.06777877e-1);
  far = fma(far, t, -6.34846687e-1);
  far = fma(far, t, -1.28717512e-1);
  far = fma(far, t, -t);
  far = copysign(1.0 - exp(at_least(far, -80.0)), x);
  Value near =
      polynomial(s, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1});
  near = fma(near, x, x);
  return choose(lt(0.927734375, t), choose(lt(t, 4.0), far, copysign(1.0, x)), near);
}

namespace {

// log2 of a positive finite double, error below 2^-40.
Value log2_wide(const Value& a) {
  const Value bits = bits_as(a, Kind::i64);
  const Value exponent_bits = (bits - double(0x3fe8000000000000)) & -4503599627370496.0;  // the top 12 bits
  const Value m = bits_as(bits - exponent_bits, Kind::f64);                               // [0.75, 1.5)
  const Value e = convert_fast(shift_right_signed(exponent_bits, 52), Kind::f64);
  const Value s = (m - 1.0) / (m + 1.0), q = s * s;  // |s| <= 1/5
  const Value series =
      polynomial(q, {1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0});
  return fma(s * series, 2 * 1.4426950408889634, e);
}

// 2^y for |y| <= 200.
Value exp2_wide(const Value& y) {
  const Value n = round_even(y);
  const Value r = (y - n) * 0.6931471805599453;
  const Value p = polynomial(r, {1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24,
                                 1.0 / 6, 0.5, 1.0, 1.0});
  const Value scale_bits = shift_left(convert_fast(n, Kind::i64) + 1023.0, 52);
  return p * bits_as(scale_bits, Kind::f64);
}

}  // namespace

// 2^(b log2 |a|) in double: only the scalars of optimizers use pow, so accuracy matters more than speed.
Value pow(const Value& a, const Value& b) {
  Code& code = a.is_constant() ? b.code() : a.code();
  const Value base(code, a.as(code, Kind::f32)), exponent(code, b.as(code, Kind::f32));
  const Value magnitude = abs(base);
  const Value wide = convert_fast(magnitude, Kind::f64);
  const Value log2_a = choose(eq(wide, 0.0), -kInfinity, choose(lt(wide, kInfinity), log2_wide(wide), wide));
  const Value y = convert_fast(exponent, Kind::f64) * log2_a;
  const Value bounded = choose(eq(y, y), choose(lt(y, -200.0), -200.0, choose(lt(200.0, y), 200.0, y)), 0.0);
  const Value power = convert_fast(exp2_wide(bounded), Kind::f32);
  Value result = choose(eq(y, y), power, kNaN);
  const Value whole = eq(floor(exponent), exponent);
  const Value odd = both(whole, negate(eq(floor(exponent * 0.5) * 2.0, exponent)));
  const Value below_zero = lt(base, 0.0);
  result = choose(both(lt(bits_as(base, Kind::i32), 0.0), odd), -result, result);
  result = choose(both(both(below_zero, negate(whole)), lt(magnitude, kInfinity)), kNaN, result);
  const Value infinite_exponent_of_one = both(eq(magnitude, 1.0), eq(abs(exponent), kInfinity));
  return choose(either(either(eq(exponent, 0.0), eq(base, 1.0)), infinite_exponent_of_one), 1.0, result);
}

namespace {

// The first two words of each element's block, as i32. Words are in the low halves of 64-bit lanes, with garbage above:
// the 32 x 32 -> 64 multiplication ignores it, and nothing else reads it.
struct Words {
  std::vector<Value> first, second;
};

// The rounds are a loop: unrolled, they would dominate a kernel's code size and compile time.
Words philox(const RandomState& state, const std::vector<Value>& elements) {
  Code& code = elements.front().code();
  LLVMTypeRef type = code.vector(Kind::i64);
  const auto widened = [&](LLVMValueRef word) { return code.splat(LLVMBuildZExt(code.builder, word, code.i64, "")); };
  std::vector<LLVMValueRef> entering{widened(state.seed_low), widened(state.seed_high)};
  for (const Value& element : elements) {
    entering.push_back(LLVMBuildZExt(code.builder, element.llvm(), type, ""));
    entering.push_back(code.splat_number(Kind::i64, double(state.stream)));
    entering.push_back(widened(state.step_low));
    entering.push_back(widened(state.step_high));
  }
  std::vector<Value> next;
  LLVMBasicBlockRef before = code.here();
  code.loop(code.number(0), code.number(10), 1, "round", [&](LLVMValueRef) {
    std::vector<Value> now;
    for (std::size_t i = 0; i < entering.size(); ++i) now.emplace_back(code, LLVMBuildPhi(code.builder, type, ""));
    next = {now[0] + double(0x9E3779B9u), now[1] + double(0xBB67AE85u)};
    for (std::size_t i = 2; i < now.size(); i += 4) {
      const double low_half = double(0xffffffffu);
      const Value product0 = (now[i] & low_half) * double(0xD2511F53u);
      const Value product1 = (now[i + 2] & low_half) * double(0xCD9E8D57u);
      next.push_back(shift_right(product1, 32) ^ now[i + 1] ^ now[0]);
      next.push_back(product1);
      next.push_back(shift_right(product0, 32) ^ now[i + 3] ^ now[1]);
      next.push_back(product0);
    }
    LLVMBasicBlockRef blocks[] = {before, code.here()};
    for (std::size_t i = 0; i < now.size(); ++i) {
      LLVMValueRef values[] = {entering[i], next[i].llvm()};
      LLVMAddIncoming(now[i].llvm(), values, blocks, 2);
    }
  });
  Words words;
  for (std::size_t i = 2; i < next.size(); i += 4) {
    words.first.push_back(convert_fast(next[i], Kind::i32));
    words.second.push_back(convert_fast(next[i + 1], Kind::i32));
  }
  return words;
}

Value unit_interval(const Value& bits24) { return convert_fast(bits24, Kind::f32) * 0x1p-24; }

// Box-Muller. The angle is an integer multiple of 2^-24 turns, so it is reduced exactly before the conversion to
// radians.
Value normal_of_words(const Value& first, const Value& second) {
  const Value u1 = unit_interval(shift_right(first, 8) + 1.0);
  const Value turn = unit_interval(shift_right(second, 8));
  const Value quadrant = round_even(turn * 4.0);
  const Value r = fma(quadrant, -0.25, turn) * 6.283185307179586;
  const Value cosine = sin_of_quadrant(r, convert_fast(quadrant, Kind::i32) + 1.0);
  return sqrt(log_positive(u1) * -2.0) * cosine;
}

// Pairs of vectors fill the registers in the rounds; `make` converts the words of each.
template <typename Make>
std::vector<Value> random_numbers(const RandomState& state, const std::vector<Value>& elements, Make make) {
  std::vector<Value> results;
  for (std::size_t i = 0; i < elements.size(); i += 2) {
    const auto begin = elements.begin() + std::ptrdiff_t(i);
    const Words words = philox(state, {begin, i + 1 < elements.size() ? begin + 2 : begin + 1});
    for (std::size_t k = 0; k < words.first.size(); ++k) results.push_back(make(words.first[k], words.second[k]));
  }
  return results;
}

}  // namespace

std::vector<Value> random_uniform(const RandomState& state, const std::vector<Value>& elements) {
  return random_numbers(state, elements,
                        [](const Value& first, const Value&) { return unit_interval(shift_right(first, 8)); });
}

std::vector<Value> random_normal(const RandomState& state, const std::vector<Value>& elements) {
  return random_numbers(state, elements, normal_of_words);
}

}  // namespace weft::cpu
