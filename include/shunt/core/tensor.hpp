// Tensor: a cheap handle on strided memory, with its operations as members. The bodies of the operations stand with
// their free functions in autograd/ and ops/; programs include shunt/tensor.hpp, which has them all.
#pragma once

#include <utility>
#include <vector>

#include "shunt/core/scalar.hpp"
#include "shunt/core/storage.hpp"

namespace shunt {

template <Scalar T>
class Tensor;

/// What max, min, sort and topk give: the values, and where along the dimension they stood.
template <Scalar T>
struct ValuesIndices;

struct BackwardOptions {
  bool retain_graph = false;  ///< Keep what backward needs, so that it can run again.
};
struct VarOptions {
  bool unbiased = true;  ///< Divide by n - 1.
  bool keepdim = false;
};

/// Takes its function back from a tensor when asked.
class HookHandle;

/// n-dimensional array, rank 0 to 8. Copying a handle shares the elements; clone() copies them.
template <Scalar T = float>
class Tensor {
 public:
  using value_type = T;

  /// Holds nothing: `defined()` is false.
  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  // Only a named handle can be assigned: `x[0] = y` would change a temporary and nothing else (use copy_).
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  ~Tensor() = default;

  /// A dense tensor whose elements are not set.
  static Tensor empty(const Shape& shape) { return Tensor(detail::make_dense(shape, sizeof(T))); }
  /// Shares `storage`: the elements of `shape`, `strides` apart, from `first` on.
  Tensor(detail::Ref<detail::Storage> storage, T* first, const Shape& shape, const Shape& strides)
      : body_(detail::make_body(std::move(storage), first, shape, strides)) {}
  explicit Tensor(detail::Ref<detail::Body> body) : body_(std::move(body)) {}

  bool defined() const { return static_cast<bool>(body_); }
  const Shape& shape() const { return body().shape; }
  const Shape& strides() const { return body().strides; }
  int rank() const { return body().shape.rank(); }
  std::int64_t size(std::int64_t dim) const { return shape()[detail::wrap_dim("size", dim, rank())]; }
  std::int64_t numel() const { return body().numel; }
  bool is_contiguous() const { return body().dense; }
  /// The first element. Writes through it are not seen by the checks on in-place changes.
  T* data() const { return static_cast<T*>(body().data); }
  /// The element at `index`; IndexError outside the shape.
  T& at(const Shape& index) const;
  /// The one element of a tensor that has one; ShapeError otherwise.
  T item() const;
  std::vector<T> to_vector() const;

  // Gradients (autograd/)
  /// Asks for a gradient, or no longer; only of a leaf. Returns the handle for chaining.
  Tensor& requires_grad(bool on = true) &;
  Tensor requires_grad(bool on = true) &&;
  bool wants_grad() const { return defined() && body_->history; }
  bool is_leaf() const;
  bool has_grad() const;
  /// The gradient; GraphError where there is none.
  Tensor grad() const;
  void zero_grad() const;
  /// Keeps the gradient of an intermediate result.
  void retain_grad() const;
  Tensor detach() const;
  /// Adds d(this)/d(leaf) to every leaf's gradient. Without g, of a tensor with one element.
  void backward(BackwardOptions options = {}) const;
  void backward(const Tensor& g, BackwardOptions options = {}) const;
  /// f(gradient) -> gradient or nothing, run when this tensor's gradient is complete. What it is given is read-only.
  template <class F>
  HookHandle register_hook(F f) const;

  // Views and copies (ops/view.hpp)
  Tensor reshape(const Shape& shape) const;
  Tensor view(const Shape& shape) const;
  Tensor transpose(std::int64_t a, std::int64_t b) const;
  Tensor mT() const;
  Tensor t() const;
  Tensor permute(const Dims& dims) const;
  Tensor select(std::int64_t dim, std::int64_t index) const;
  Tensor slice(std::int64_t dim, std::int64_t begin, std::int64_t end, std::int64_t step = 1) const;
  Tensor narrow(std::int64_t dim, std::int64_t begin, std::int64_t length) const;
  Tensor operator[](std::int64_t index) const;
  Tensor expand(const Shape& shape) const;
  Tensor squeeze() const;
  Tensor squeeze(std::int64_t dim) const;
  Tensor unsqueeze(std::int64_t dim) const;
  Tensor flatten(std::int64_t first = 0, std::int64_t last = -1) const;
  Tensor contiguous() const;
  Tensor clone() const;
  template <Scalar U>
  Tensor<U> to() const;

  // Elementwise (ops/pointwise.hpp, ops/activation.hpp)
  Tensor exp() const;
  Tensor log() const;
  Tensor sqrt() const;
  Tensor rsqrt() const;
  Tensor abs() const;
  Tensor sin() const;
  Tensor cos() const;
  Tensor tanh() const;
  Tensor sigmoid() const;
  Tensor erf() const;
  Tensor relu() const;
  Tensor pow(double exponent) const;
  Tensor pow(const Tensor& exponent) const;
  Tensor clamp(double lo, double hi) const;
  Tensor clamp_min(double lo) const;
  Tensor clamp_max(double hi) const;
  Tensor masked_fill(const Tensor<bool>& mask, double value) const;

  // Reductions (ops/reduce.hpp, ops/order.hpp)
  Tensor sum(const Dims& dims = {}, bool keepdim = false) const;
  Tensor mean(const Dims& dims = {}, bool keepdim = false) const;
  Tensor prod() const;
  Tensor prod(std::int64_t dim, bool keepdim = false) const;
  Tensor var(const Dims& dims = {}, VarOptions options = {}) const;
  Tensor std(const Dims& dims = {}, VarOptions options = {}) const;
  Tensor norm() const;
  Tensor norm(double p, const Dims& dims = {}, bool keepdim = false) const;
  Tensor amax(const Dims& dims = {}, bool keepdim = false) const;
  Tensor amin(const Dims& dims = {}, bool keepdim = false) const;
  Tensor max() const;
  Tensor min() const;
  ValuesIndices<T> max(std::int64_t dim, bool keepdim = false) const;
  ValuesIndices<T> min(std::int64_t dim, bool keepdim = false) const;
  Tensor<std::int64_t> argmax() const;
  Tensor<std::int64_t> argmax(std::int64_t dim, bool keepdim = false) const;
  Tensor<std::int64_t> argmin() const;
  Tensor<std::int64_t> argmin(std::int64_t dim, bool keepdim = false) const;
  Tensor logsumexp(const Dims& dims, bool keepdim = false) const;
  Tensor cumsum(std::int64_t dim) const;
  ValuesIndices<T> sort(std::int64_t dim = -1, bool descending = false) const;
  Tensor<std::int64_t> argsort(std::int64_t dim = -1, bool descending = false) const;
  ValuesIndices<T> topk(std::int64_t k, std::int64_t dim = -1, bool largest = true) const;
  Tensor<bool> any() const;
  Tensor<bool> any(std::int64_t dim, bool keepdim = false) const;
  Tensor<bool> all() const;
  Tensor<bool> all(std::int64_t dim, bool keepdim = false) const;
  Tensor softmax(std::int64_t dim) const;
  Tensor log_softmax(std::int64_t dim) const;

  // Products, choice and order
  Tensor matmul(const Tensor& other) const;
  Tensor gather(std::int64_t dim, const Tensor<std::int64_t>& index) const;
  Tensor index_select(std::int64_t dim, const Tensor<std::int64_t>& index) const;
  Tensor scatter_add(std::int64_t dim, const Tensor<std::int64_t>& index, const Tensor& src) const;
  Tensor flip(const Dims& dims) const;
  Tensor roll(const Dims& shifts, const Dims& dims) const;
  Tensor tril(std::int64_t diagonal = 0) const;
  Tensor triu(std::int64_t diagonal = 0) const;
  std::vector<Tensor> split(std::int64_t size, std::int64_t dim = 0) const;
  std::vector<Tensor> split(const std::vector<std::int64_t>& sizes, std::int64_t dim = 0) const;
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t dim = 0) const;

  // In place, checked: GraphError where a leaf wants a gradient or another view would not see the new history
  // (ops/inplace.hpp)
  const Tensor& zero_() const;
  const Tensor& fill_(double value) const;
  const Tensor& copy_(const Tensor& source) const;
  const Tensor& add_(const Tensor& other) const;
  const Tensor& sub_(const Tensor& other) const;
  const Tensor& mul_(const Tensor& other) const;
  const Tensor& div_(const Tensor& other) const;
  const Tensor& add_(double value) const;
  const Tensor& sub_(double value) const;
  const Tensor& mul_(double value) const;
  const Tensor& div_(double value) const;
  const Tensor& clamp_(double lo, double hi) const;
  const Tensor& operator+=(const Tensor& o) const { return add_(o); }
  const Tensor& operator-=(const Tensor& o) const { return sub_(o); }
  const Tensor& operator*=(const Tensor& o) const { return mul_(o); }
  const Tensor& operator/=(const Tensor& o) const { return div_(o); }
  const Tensor& operator+=(double v) const { return add_(v); }
  const Tensor& operator-=(double v) const { return sub_(v); }
  const Tensor& operator*=(double v) const { return mul_(v); }
  const Tensor& operator/=(double v) const { return div_(v); }

  // For the library
  detail::Body& body() const {
    if (!body_) detail::raise<ValueError>("tensor: the handle holds nothing");
    return *body_;
  }
  const detail::Ref<detail::Body>& handle() const { return body_; }
  /// True where no other handle, view or saved value sees the elements.
  bool is_unique() const { return body_->references() == 1 && body_->storage->references() == 1; }
  /// These elements under other sizes and strides, without history.
  Tensor alias(T* first, const Shape& shape, const Shape& strides) const {
    return Tensor(body().storage, first, shape, strides);
  }

 private:
  detail::Ref<detail::Body> body_;
};

template <Scalar T>
struct ValuesIndices {
  Tensor<T> values;
  Tensor<std::int64_t> indices;
};

template <Scalar T>
T& Tensor<T>::at(const Shape& index) const {
  if (index.rank() != rank()) detail::raise<IndexError>("at: index ", index, " into shape ", shape());
  std::int64_t offset = 0;
  for (int d = 0; d < rank(); ++d) {
    const auto n = shape()[d], i = index[d] < 0 ? index[d] + n : index[d];
    if (i < 0 || i >= n) detail::raise<IndexError>("at: index ", index, " into shape ", shape());
    offset += i * strides()[d];
  }
  return data()[offset];
}

template <Scalar T>
T Tensor<T>::item() const {
  if (numel() != 1) detail::raise<ShapeError>("item: needs a tensor with one element, got ", shape());
  return *data();
}

namespace detail {
/// True where every element has an address of its own, so that it may be written.
template <Scalar T>
bool writable_layout(const Tensor<T>& x) {
  if (x.is_contiguous()) return true;
  // A dimension must step over all that smaller strides can reach; repeated addresses fail this for any order of dims.
  Shape shape = x.shape(), strides = x.strides();
  std::int64_t reach = 0;
  for (int left = shape.rank(); left > 0; --left) {
    int smallest = -1;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] > 1 && (smallest < 0 || strides[d] < strides[smallest])) smallest = d;
    if (smallest < 0) break;
    if (strides[smallest] <= reach) return false;
    reach += (shape[smallest] - 1) * strides[smallest];
    shape[smallest] = 1;
  }
  return true;
}
}  // namespace detail
}  // namespace shunt
