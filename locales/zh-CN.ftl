### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = 无法解析该请求。
bad-request-content = 请求的语法正确，但其内容在语义上无效。
unauthorized = 请求未包含适用于目标资源的有效凭据。
forbidden = 服务器已理解该请求，但拒绝授权。
not-found = 服务器未找到目标资源的当前表示形式。
method-not-allowed = 目标资源不支持该请求所用的方法。
not-acceptable = 目标资源没有该请求可接受的表示形式。
request-timeout = 请求未能在服务器的等待时间内完整到达。
conflict = 请求与目标资源的当前状态冲突。
precondition-failed = 目标资源不满足请求的某项先决条件。
payload-too-large = 请求内容的大小超出服务器允许的上限。
uri-too-long = 请求目标的长度超出服务器允许的上限。
unsupported-media-type = 目标资源不接受该请求所用格式的内容。
too-many-requests = 短时间内收到的请求过多。
header-fields-too-large = 请求标头字段的大小超出服务器允许的上限。
internal-fault = 发生内部错误。
service-unavailable = 服务暂时无法响应，请稍后重试。

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = “{ $parameter }”必须是 { $min } 到 { $max } 范围内的整数，而不是“{ $given }”。
cause-not-a-boolean = “{ $parameter }”必须是“true”或“false”，而不是“{ $given }”。
# $times: how often it was given
cause-parameter-repeated = “{ $parameter }”只能指定一次，但实际指定了 { $times } 次。
# $position: byte position in the query, from 1
cause-percent-encoding = 查询字符串第 { $position } 个字节处的“%”之后不是两位十六进制数字。
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = 查询字符串第 { $position } 个字节处的参数不是有效的 UTF-8。
# $path: the path of the request
cause-unknown-path = 路径“{ $path }”处没有任何内容。
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = 此处不支持 { $method } 方法。支持的方法：{ $allowed }。
# $limit: bytes
cause-uri-too-long = 请求目标的长度不得超过 { $limit } 字节。
cause-payload-too-large = 请求内容的大小不得超过 { $limit } 字节。
cause-database-unavailable = 无法连接到数据库。
# $seconds: how long was waited
cause-deadline-exceeded = 未能在 { $seconds } 秒内准备好响应。
