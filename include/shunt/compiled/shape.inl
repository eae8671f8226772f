// ops/view.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> reshape(const Tensor<SHUNT_T>&, const Shape&);
SHUNT_INSTANCE Tensor<SHUNT_T> permute(const Tensor<SHUNT_T>&, const Dims&);
SHUNT_INSTANCE Tensor<SHUNT_T> transpose(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> slice(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t, std::int64_t, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> select(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> expand(const Tensor<SHUNT_T>&, const Shape&);
SHUNT_INSTANCE Tensor<SHUNT_T> squeeze(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> squeeze(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> unsqueeze(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> flatten(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> clone(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> add_skip(const Tensor<SHUNT_T>&, Tensor<SHUNT_T>);
// ops/join.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> cat(const std::vector<Tensor<SHUNT_T>>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> cat(std::initializer_list<Tensor<SHUNT_T>>, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> stack(const std::vector<Tensor<SHUNT_T>>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> stack(std::initializer_list<Tensor<SHUNT_T>>, std::int64_t);
SHUNT_INSTANCE std::vector<Tensor<SHUNT_T>> split(const Tensor<SHUNT_T>&, const std::vector<std::int64_t>&,
                                                  std::int64_t);
SHUNT_INSTANCE std::vector<Tensor<SHUNT_T>> split(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t);
SHUNT_INSTANCE std::vector<Tensor<SHUNT_T>> chunk(const Tensor<SHUNT_T>&, std::int64_t, std::int64_t);
// ops/index.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> index_select(const Tensor<SHUNT_T>&, std::int64_t, const Tensor<std::int64_t>&);
SHUNT_INSTANCE Tensor<SHUNT_T> gather(const Tensor<SHUNT_T>&, std::int64_t, const Tensor<std::int64_t>&);
SHUNT_INSTANCE Tensor<SHUNT_T> scatter_add(const Tensor<SHUNT_T>&, std::int64_t, const Tensor<std::int64_t>&,
                                           const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> embedding(const Tensor<std::int64_t>&, const Tensor<SHUNT_T>&, EmbeddingOptions);
// ops/rearrange.hpp, ops/einsum.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> pad(const Tensor<SHUNT_T>&, const std::vector<std::int64_t>&, PadOptions);
SHUNT_INSTANCE Tensor<SHUNT_T> flip(const Tensor<SHUNT_T>&, const Dims&);
SHUNT_INSTANCE Tensor<SHUNT_T> roll(const Tensor<SHUNT_T>&, const Dims&, const Dims&);
SHUNT_INSTANCE Tensor<SHUNT_T> tril(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> triu(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> pixel_shuffle(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> pixel_unshuffle(const Tensor<SHUNT_T>&, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> einsum(std::string_view, const std::vector<Tensor<SHUNT_T>>&);
SHUNT_INSTANCE Tensor<SHUNT_T> einsum(std::string_view, std::initializer_list<Tensor<SHUNT_T>>);
// ops/creation.hpp, ops/dropout.hpp
SHUNT_INSTANCE Tensor<SHUNT_T> full(const Shape&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> zeros(const Shape&);
SHUNT_INSTANCE Tensor<SHUNT_T> ones(const Shape&);
SHUNT_INSTANCE Tensor<SHUNT_T> full_like(const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE Tensor<SHUNT_T> zeros_like(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> ones_like(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> arange(double, double, double);
SHUNT_INSTANCE Tensor<SHUNT_T> arange(double);
SHUNT_INSTANCE Tensor<SHUNT_T> linspace(double, double, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> eye(std::int64_t, std::int64_t);
SHUNT_INSTANCE Tensor<SHUNT_T> rand(const Shape&, Generator&);
SHUNT_INSTANCE Tensor<SHUNT_T> randn(const Shape&, Generator&);
SHUNT_INSTANCE Tensor<SHUNT_T> randn_like(const Tensor<SHUNT_T>&, Generator&);
SHUNT_INSTANCE Tensor<SHUNT_T> from_vector(const std::vector<SHUNT_T>&, const Shape&);
SHUNT_INSTANCE Tensor<SHUNT_T> from_vector(const std::vector<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> tensor(std::initializer_list<detail::Element>);
SHUNT_INSTANCE Tensor<SHUNT_T> tensor(std::initializer_list<std::initializer_list<double>>);
SHUNT_INSTANCE Tensor<SHUNT_T> dropout(const Tensor<SHUNT_T>&, double, bool, Generator&);
SHUNT_INSTANCE Tensor<SHUNT_T> drop_path(const Tensor<SHUNT_T>&, double, bool, Generator&);
