// Tensors of indices and of truth values: the parts that programs meet.
SHUNT_INSTANCE std::int64_t& Tensor<std::int64_t>::at(const Shape&) const;
SHUNT_INSTANCE std::int64_t Tensor<std::int64_t>::item() const;
SHUNT_INSTANCE std::vector<std::int64_t> Tensor<std::int64_t>::to_vector() const;
SHUNT_INSTANCE Tensor<std::int64_t> detail::copy_of(const Tensor<std::int64_t>&);
SHUNT_INSTANCE Tensor<std::int64_t> detail::dense(const Tensor<std::int64_t>&);
SHUNT_INSTANCE Tensor<std::int64_t> full(const Shape&, double);
SHUNT_INSTANCE Tensor<std::int64_t> zeros(const Shape&);
SHUNT_INSTANCE Tensor<std::int64_t> arange(double, double, double);
SHUNT_INSTANCE Tensor<std::int64_t> arange(double);
SHUNT_INSTANCE Tensor<std::int64_t> randint(std::int64_t, std::int64_t, const Shape&, Generator&);
SHUNT_INSTANCE Tensor<std::int64_t> from_vector(const std::vector<std::int64_t>&);
SHUNT_INSTANCE Tensor<std::int64_t> from_vector(const std::vector<std::int64_t>&, const Shape&);
SHUNT_INSTANCE Tensor<std::int64_t> reshape(const Tensor<std::int64_t>&, const Shape&);
SHUNT_INSTANCE Tensor<std::int64_t> slice(const Tensor<std::int64_t>&, std::int64_t, std::int64_t, std::int64_t,
                                          std::int64_t);
SHUNT_INSTANCE Tensor<std::int64_t> select(const Tensor<std::int64_t>&, std::int64_t, std::int64_t);
SHUNT_INSTANCE Tensor<std::int64_t> index_select(const Tensor<std::int64_t>&, std::int64_t,
                                                 const Tensor<std::int64_t>&);
SHUNT_INSTANCE Tensor<bool> operator==(const Tensor<std::int64_t>&, const Tensor<std::int64_t>&);
SHUNT_INSTANCE bool& Tensor<bool>::at(const Shape&) const;
SHUNT_INSTANCE bool Tensor<bool>::item() const;
SHUNT_INSTANCE Tensor<bool> Tensor<bool>::any() const;
SHUNT_INSTANCE Tensor<bool> Tensor<bool>::all() const;
SHUNT_INSTANCE Tensor<bool> any(const Tensor<bool>&);
SHUNT_INSTANCE Tensor<bool> all(const Tensor<bool>&);
SHUNT_INSTANCE Tensor<bool> logical_not(const Tensor<bool>&);
// From and to real numbers.
SHUNT_INSTANCE Tensor<float> Tensor<bool>::to<float>() const;
SHUNT_INSTANCE Tensor<float> Tensor<std::int64_t>::to<float>() const;
SHUNT_INSTANCE Tensor<std::int64_t> Tensor<bool>::to<std::int64_t>() const;
SHUNT_INSTANCE Tensor<double> Tensor<float>::to<double>() const;
SHUNT_INSTANCE Tensor<float> Tensor<double>::to<float>() const;
