#include "support/check_op.hpp"

#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/reduce.hpp"

using namespace shunt;

namespace draw {
namespace {
/// Of its own sequence for every input, and untouched by what other tests draw.
Generator generator_of(std::size_t input) { return Generator(1000 + input); }
}  // namespace

Tensor<double> normal(const Shape& shape, std::size_t input) {
  auto g = generator_of(input);
  return randn<double>(shape, g);
}
Tensor<double> positive(const Shape& shape, std::size_t input) { return between(0.5, 2)(shape, input); }
Tensor<double> away_from_zero(const Shape& shape, std::size_t input) {
  auto g = generator_of(input);
  auto x = rand<double>(shape, g);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double t = 2 * x.data()[i] - 1;
    x.data()[i] = (t < 0 ? -0.25 : 0.25) + 1.75 * t;
  }
  return x;
}
Tensor<double> distinct(const Shape& shape, std::size_t input) {
  auto g = generator_of(input);
  auto x = Tensor<double>::empty(shape);
  const auto order = randperm(x.numel(), g);
  const double middle = static_cast<double>(x.numel() / 2);
  for (std::int64_t i = 0; i < x.numel(); ++i)  // inputs interleave: 0.4 apart, each shifted by 0.09
    x.data()[i] = 0.4 * (static_cast<double>(order.data()[i]) - middle) + 0.06 + 0.09 * static_cast<double>(input);
  return x;
}
Draw between(double low, double high) {
  return [=](const Shape& shape, std::size_t input) {
    auto g = generator_of(input);
    auto x = rand<double>(shape, g);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.data()[i] = low + (high - low) * x.data()[i];
    return x;
  };
}
}  // namespace draw

namespace check_op_detail {
namespace {

using D = Tensor<double>;
using List = std::vector<D>;
using H = dual<double>;

double at_least(double floor, const D& x) {
  double m = floor;
  for (double v : x.to_vector()) m = std::max(m, std::abs(v));
  return m;
}

/// One operation at one set of inputs.
class Check {
 public:
  Check(std::string name, const Op& op, const std::vector<Shape>& shapes, const CheckOptions& options)
      : name_(std::move(name)), op_(op), options_(options), wants_(shapes.size(), true) {
    for (auto k : options.fixed) wants_.at(k) = false;
    for (std::size_t k = 0; k < shapes.size(); ++k) {
      name_ += (k ? ", " : " of ") + to_string(shapes[k]);
      x_.push_back(options.draw(shapes[k], k));
    }
  }

  void run() {
    try {
      run_all();
    } catch (const Error& e) { fail("an unexpected error", e.what()); }
  }

 private:
  void run_all() {
    value_ = op_.in_double(x_);
    if (options_.oracle) close("value against the oracle", value_, options_.oracle(x_), 1e-12);
    differences("dense", op_.in_double, x_, wants_);
    reference_ = gradients(x_, wants_);
    if (options_.transposed) transposed();
    if (options_.expanded) expanded();
    each_alone();
    filled_slots();
    retained();
    if (options_.repeated) repeated();
    in_float();
    if (options_.dual) in_dual();
  }

  void fail(const std::string& stage, const std::string& what) const {
    FAIL_CHECK(name_ << ", " << stage << ": " << what);
  }

  void close(const std::string& stage, const D& a, const D& b, double tolerance) const {
    if (a.shape() != b.shape()) return fail(stage, to_string(a.shape()) + " instead of " + to_string(b.shape()));
    const auto u = a.to_vector(), v = b.to_vector();
    const double limit = tolerance * at_least(1, b);
    for (std::size_t i = 0; i < u.size(); ++i)
      if (!(std::abs(u[i] - v[i]) <= limit))
        return fail(stage, "element " + std::to_string(i) + " is " + shunt::detail::number(u[i]) + " instead of " +
                               shunt::detail::number(v[i]));
    SUCCEED();
  }

  void differences(const std::string& stage, const OpOver<double>& f, const List& inputs,
                   const std::vector<bool>& wants) {
    List marked;
    bool any = false;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      marked.push_back(inputs[k].detach());
      if (wants[k]) marked.back().requires_grad();
      any = any || wants[k];
    }
    if (!any) return;
    try {
      gradcheck(f, marked, options_.gradcheck);
      SUCCEED();
    } catch (const Error& e) { fail(stage, e.what()); }
  }

  static List leaves(const List& inputs, const std::vector<bool>& wants) {
    List out;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      out.push_back(inputs[k].detach());
      if (wants[k]) out.back().requires_grad();
    }
    return out;
  }
  static List wanted(const List& all) {
    List out;
    for (const auto& x : all)
      if (x.wants_grad()) out.push_back(x);
    return out;
  }
  List gradients(const List& inputs, const std::vector<bool>& wants) const {
    const auto at = leaves(inputs, wants);
    const auto y = op_.in_double(at);
    return y.wants_grad() ? grad(y, wanted(at), shunt::detail::fixed_weights(y.shape())) : List();
  }

  /// Inputs whose memory runs in another order, or with gaps.
  void transposed() {
    const auto restore = [](const D& x) {
      if (x.rank() == 0) return x;
      Dims order;
      for (int d = x.rank() - 1; d >= 0; --d) order.push_back(d);
      return x.rank() == 1 ? slice(x, 0, 1, x.size(0), 2) : permute(x, order);
    };
    List stored;
    for (const auto& x : x_) {
      if (x.rank() != 1) {
        stored.push_back(restore(x).clone());
      } else {
        stored.push_back(zeros<double>({2 * x.numel()}));
        shunt::detail::map_into(shunt::detail::Copy<double>{}, restore(stored.back()), x);
      }
    }
    const OpOver<double> f = [&](const List& s) {
      List views;
      for (const auto& x : s) views.push_back(restore(x));
      return op_.in_double(views);
    };
    close("value of transposed inputs", f(stored), value_, 1e-12);
    differences("transposed", f, stored, wants_);
  }

  /// All inputs repeated along one dimension, by stride 0: the first, and the last if that is another.
  void expanded() {
    for (const bool last : {false, true}) {
      List stored, copies;
      for (const auto& x : x_) {
        const bool can = x.rank() > (last ? 1 : 0) && x.numel() > 0;
        stored.push_back(can ? slice(x, last ? -1 : 0, 0, 1).clone() : x);
      }
      const OpOver<double> f = [&](const List& s) {
        List views;
        for (std::size_t k = 0; k < s.size(); ++k) views.push_back(expand(s[k], x_[k].shape()));
        return op_.in_double(views);
      };
      for (std::size_t k = 0; k < x_.size(); ++k) copies.push_back(expand(stored[k], x_[k].shape()).clone());
      const std::string stage = last ? "expanded along the last dimension" : "expanded along the first dimension";
      close("value, " + stage, f(stored), op_.in_double(copies), 1e-12);
      differences(stage, f, stored, wants_);
    }
  }

  /// What is saved for one input must not depend on the others wanting a gradient.
  void each_alone() const {
    std::size_t i = 0;
    for (std::size_t k = 0; k < x_.size(); ++k) {
      if (!wants_[k]) continue;
      std::vector<bool> only(x_.size(), false);
      only[k] = true;
      const auto g = gradients(x_, only);
      if (!g.empty()) close("input " + std::to_string(k) + " alone wanting a gradient", g[0], reference_.at(i), 1e-12);
      ++i;
    }
  }

  /// Backward must add to what other uses of an input have brought, and never into a buffer that others see.
  void filled_slots() const {
    enum Holds { dense_gradient, expanded_gradient, shared_gradient };
    for (const Holds holds : {dense_gradient, expanded_gradient, shared_gradient}) {
      const auto at = leaves(x_, wants_);
      auto asked = wanted(at);
      const auto y = op_.in_double(at);
      if (!y.wants_grad()) return;
      auto loss = sum(mul(y, shunt::detail::fixed_weights(y.shape())));
      List brought;
      const auto inputs = asked;
      for (const auto& x : inputs) {  // recorded later, so these run backward first
        const auto u = shunt::detail::fixed_weights(x.shape());
        if (holds == expanded_gradient) {
          loss = add(loss, sum(x));
          brought.push_back(ones_like(u));
        } else if (holds == dense_gradient) {
          loss = add(loss, sum(mul(x, u)));
          brought.push_back(u);
        } else {  // the addition hands one buffer to x and to another leaf
          asked.push_back(zeros_like(u).requires_grad());
          loss = add(loss, sum(mul(add(x, asked.back()), u)));
          brought.push_back(u);
        }
      }
      const std::string stage = holds == dense_gradient      ? "slot that holds a gradient"
                                : holds == expanded_gradient ? "slot that holds an expanded gradient"
                                                             : "slot whose gradient is shared";
      const auto g = grad(loss, asked);
      for (std::size_t k = 0; k < brought.size(); ++k) {
        close(stage, g[k], add(reference_.at(k), brought[k]), 1e-12);
        if (holds == shared_gradient) close(stage + ", the other holder", g[brought.size() + k], brought[k], 1e-12);
      }
    }
  }

  /// Backward twice over one graph, with an upstream gradient that the caller keeps.
  void retained() const {
    const auto at = leaves(x_, wants_);
    const auto y = op_.in_double(at);
    if (!y.wants_grad()) return;
    const auto w = shunt::detail::fixed_weights(y.shape());
    const auto kept = w.clone();
    for (int round = 0; round < 2; ++round) {
      const auto g = grad(y, wanted(at), kept, {.retain_graph = true});
      for (std::size_t k = 0; k < g.size(); ++k) close("backward with retain_graph", g[k], reference_.at(k), 1e-12);
    }
    close("the caller's upstream gradient after backward", kept, w, 0);
    close("the value after backward", y, value_, 0);
  }

  void repeated() {
    for (std::size_t a = 0; a < x_.size(); ++a)
      for (std::size_t b = a + 1; b < x_.size(); ++b) {
        if (x_[a].shape() != x_[b].shape() || !wants_[a] || !wants_[b]) continue;
        const OpOver<double> f = [&](const List& s) {
          List twice = s;
          twice[b] = s[a];
          return op_.in_double(twice);
        };
        differences("one tensor as inputs " + std::to_string(a) + " and " + std::to_string(b), f, x_, wants_);
      }
  }

  void in_float() const {
    std::vector<Tensor<float>> at, wanting;
    for (std::size_t k = 0; k < x_.size(); ++k) {
      at.push_back(x_[k].to<float>());
      if (wants_[k]) wanting.push_back(at.back().requires_grad());
    }
    const auto y = op_.in_float(at);
    close("value in float", y.detach().to<double>(), value_, options_.float_tolerance);
    if (!y.wants_grad()) return;
    const auto g = grad(y, wanting, shunt::detail::fixed_weights(y.shape()).to<float>());
    for (std::size_t k = 0; k < g.size(); ++k)
      close("gradient in float", g[k].to<double>(), reference_.at(k), options_.float_tolerance);
  }

  /// Forward mode against reverse mode, then reverse mode over dual numbers (which is H v) against differences.
  void in_dual() const {
    std::vector<Tensor<H>> at, wanting;
    List direction;
    for (std::size_t k = 0; k < x_.size(); ++k) {
      auto v = shunt::detail::fixed_weights(x_[k].shape());
      if (!wants_[k]) v = zeros_like(v);
      at.push_back(shunt::detail::make_dual("check_op", x_[k], v));
      if (!wants_[k]) continue;
      direction.push_back(v);
      wanting.push_back(at.back().requires_grad());
    }
    const auto y = op_.in_dual(at);
    close("value in dual numbers", values(y), value_, 1e-12);
    if (reference_.empty()) return;
    const auto w = shunt::detail::fixed_weights(value_.shape());
    double forward = sum(mul(shunt::detail::eps_of(y.detach()), w)).item(), reverse = 0, scale = 1;
    for (std::size_t k = 0; k < direction.size(); ++k) {
      const auto terms = mul(reference_[k], direction[k]);
      reverse += sum(terms).item();
      scale += sum(abs(terms)).item();
    }
    if (!(std::abs(forward - reverse) <= 1e-10 * scale))
      fail("forward mode against reverse mode",
           shunt::detail::number(forward) + " and " + shunt::detail::number(reverse));

    const auto h = grad(y, wanting, w.to<H>());
    const double step = 1e-5;
    const auto up = shifted(direction, step), down = shifted(direction, -step);
    for (std::size_t k = 0; k < h.size(); ++k) {
      close("gradient in dual numbers", values(h[k]), reference_[k], 1e-10);
      const auto numeric = div(sub(up.at(k), down.at(k)), 2 * step);
      close("Hessian-vector product", shunt::detail::eps_of(h[k]), numeric, 1e-5);
    }
  }
  static D values(const Tensor<H>& x) { return x.detach().to<double>(); }
  List shifted(const List& direction, double step) const {
    List at;
    std::size_t i = 0;
    for (std::size_t k = 0; k < x_.size(); ++k) at.push_back(wants_[k] ? add(x_[k], mul(direction[i++], step)) : x_[k]);
    return gradients(at, wants_);
  }

  std::string name_;
  const Op& op_;
  const CheckOptions& options_;
  std::vector<bool> wants_;
  List x_, reference_;
  D value_;
};

}  // namespace

void check(const std::string& name, const Op& op, const std::vector<Shape>& shapes, const CheckOptions& options) {
  Check(name, op, shapes, options).run();
}

}  // namespace check_op_detail
