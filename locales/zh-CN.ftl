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
cause-unsupported-media-type = 内容的类型不能是“{ $given }”。支持的类型：{ $allowed }。
# $line, $column: place in the content, from 1
cause-not-json = 内容在第 { $line } 行第 { $column } 列处不是有效的 JSON。
# $pointer: place in the content, a JSON pointer
cause-field-required = “{ $pointer }”为必填项。
# $suggestion: the key that was probably meant
cause-unknown-field = “{ $pointer }”是未知字段，是否应为“{ $suggestion }”？
cause-not-a-string = “{ $pointer }”必须是字符串。
cause-not-an-object = “{ $pointer }”必须是对象。
cause-not-an-array = “{ $pointer }”必须是数组。
cause-field-not-an-integer = “{ $pointer }”必须是 { $min } 到 { $max } 范围内的整数，而不是“{ $given }”。
cause-not-a-time = “{ $pointer }”必须是公元 1 年到 9999 年范围内的日期时间（例如 2026-01-31T23:59:59.000Z），而不是“{ $given }”。
# $allowed: the values, separated by commas
cause-not-one-of = “{ $pointer }”必须是 { $allowed } 之一，而不是“{ $given }”。
# $limit: characters
cause-text-too-long = “{ $pointer }”的长度不得超过 { $limit } 个字符。
# $limit: bytes
cause-json-too-large = “{ $pointer }”的大小不得超过 { $limit } 字节。
# $limit: items
cause-too-many-items = “{ $pointer }”的元素不得超过 { $limit } 个。
cause-null-character = “{ $pointer }”包含无法存储的 NUL 字符（U+0000）。
cause-reserved-key = 以“{ $key }”开头的键为保留键。
cause-number-too-long = “{ $pointer }”包含位数过多的数字。最多允许 { $limit } 位。
cause-reserved-id = “{ $given }”不能用作任务的 ID：该值为空，或者是 API 的路由。
# $given: the id in the content
cause-id-differs = 内容中的 ID“{ $given }”与路径中的 ID 不一致。
cause-completed-without-status = “{ $pointer }”只能与“/completionStatus”一起设置。
# $allowed: the places that may be changed, separated by commas
cause-immutable = “{ $pointer }”不可更改。可更改的项：{ $allowed }。
cause-not-a-patch-operation = “{ $pointer }”不是 JSON Patch（RFC 6902）操作。
cause-patch-target-missing = “{ $pointer }”处没有可供补丁更改的内容。
cause-test-failed = “{ $pointer }”处的值与补丁所预期的值不同。
# $constraint: name of a constraint of the table
cause-constraint = 数据库拒绝了某个值：{ $constraint }。
# $id: id of a task
cause-unknown-task = 不存在 ID 为“{ $id }”的任务。
# $current: the ETag that the task has now
cause-etag-differs = 任务已更改，其当前 ETag 为 { $current }。
# $parameter: name of a query parameter
cause-parameter-required = “{ $parameter }”为必填项。
cause-not-a-cursor = “{ $parameter }”必须是以相同排序条件获取此列表时 Link 标头中所含的游标。
# $parameter, $other: names of query parameters
cause-parameters-exclude = “{ $parameter }”不能与“{ $other }”同时指定。
# $limit: bytes
cause-line-too-long = 每行的长度不得超过 { $limit } 字节。
# $limit: lines
cause-too-many-lines = 内容不得超过 { $limit } 行，其余部分未读取。
# $segment: a part of the path
cause-path-encoding = 路径中的“{ $segment }”不是经过百分号编码的有效 UTF-8。
cause-content-incomplete = 内容在接收完整之前就已结束。
cause-no-token = 缺少带有 Bearer 令牌的 Authorization 标头。
# $limit: bytes
cause-token-too-long = Bearer 令牌最多可有 { $limit } 个字节。
cause-token-malformed = Bearer 令牌不是经过签名的 JSON Web Token。
cause-token-kind = Bearer 令牌不是访问令牌，或需要不受支持的扩展。
cause-token-algorithm = Bearer 令牌所用的签名算法与其密钥的用途不符。
cause-token-signature = Bearer 令牌不是用此处信任的密钥签名的。
cause-token-expired = Bearer 令牌已过期。
cause-token-not-yet-valid = Bearer 令牌尚未生效。
cause-token-issuer = Bearer 令牌的颁发者在此处不受信任。
cause-token-audience = Bearer 令牌不是颁发给此服务的。
# $claim: name of a claim
cause-token-claim = Bearer 令牌的声明 { $claim } 缺失或不是时间。
cause-token-no-keys = 用于验证 Bearer 令牌的密钥不可用。
cause-not-the-gateway = 请求未经过网关。
cause-no-identity = 网关未说明调用方是谁。
# $header: name of a header
cause-unreadable-identity = 标头 { $header } 无法读取或出现多次。
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = { $period } 内最多允许 { $requests } 个请求。
cause-overloaded = 当前正在处理的请求过多。
cause-database-unavailable = 无法连接到数据库。
cause-not-confirmed = 数据库未能及时确认该响应为最新内容。
# $seconds: how long was waited
cause-deadline-exceeded = 未能在 { $seconds } 秒内准备好响应。

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = 筛选表达式的长度为 { $length } 个字符，超出 { $limit } 个字符的上限。
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = 筛选表达式第 { $position } 个字符处：此处不能使用“{ $found }”。预期内容：{ $expected }。
cause-filter-ends-early = 筛选表达式第 { $position } 个字符处：表达式过早结束。预期内容：{ $expected }。
# $allowed: the fields, separated by commas
cause-filter-unknown-field = 筛选表达式第 { $position } 个字符处：字段“{ $given }”不存在。可用的字段：{ $allowed }。
# $allowed: the operators, separated by commas
cause-filter-operator = 筛选表达式第 { $position } 个字符处：“{ $field }”不支持运算符“{ $given }”。支持的运算符：{ $allowed }。
# $expected, $given: one of the kinds below
cause-filter-wrong-type = 筛选表达式第 { $position } 个字符处：与“{ $field }”比较的值类型不正确。预期值：{ $expected }；指定的值：{ $given }。
cause-filter-unknown-name = 筛选表达式第 { $position } 个字符处：“{ $given }”不是“{ $field }”的值。允许的值：{ $expected }。
cause-filter-invalid-time = 筛选表达式第 { $position } 个字符处：“{ $given }”不是形如 2026-01-31T23:59:59Z 的日期时间。如果包含时刻，则必须带有“Z”或 UTC 偏移量，偏移量中的“+”在 URL 中须写作 %2B。
cause-filter-time-out-of-range = 筛选表达式第 { $position } 个字符处：日期时间“{ $given }”超出公元 1 年到 9999 年的范围。
cause-filter-number-out-of-range = 筛选表达式第 { $position } 个字符处：数字“{ $given }”超出 { $min } 到 { $max } 的范围。
cause-filter-unterminated-text = 筛选表达式第 { $position } 个字符处：从此处开始的字符串缺少结尾的双引号。
cause-filter-unknown-escape = 筛选表达式第 { $position } 个字符处：反斜杠之后必须是另一个反斜杠或双引号。
cause-filter-null-character = 筛选表达式第 { $position } 个字符处：不允许使用 NUL 字符（U+0000）。
# $limit: characters
cause-filter-text-too-long = 筛选表达式第 { $position } 个字符处：从此处开始的字符串超过 { $limit } 个字符。
# $limit: levels
cause-filter-too-deep = 筛选表达式第 { $position } 个字符处：括号和“not”的嵌套超过 { $limit } 层。
# $limit: comparisons
cause-filter-too-many-comparisons = 筛选表达式第 { $position } 个字符处：比较超过 { $limit } 个。
# $limit: values
cause-filter-too-many-values = 筛选表达式第 { $position } 个字符处：列表中的值超过 { $limit } 个。
cause-sorter-empty = 第 { $item } 个排序条件为空。可用的排序条件：{ $allowed }。
cause-sorter-unknown = 第 { $item } 个排序条件“{ $given }”未知。可用的排序条件：{ $allowed }，每个条件前均可加“-”表示降序。
cause-sorter-repeated = 第 { $item } 个排序条件“{ $sorter }”重复。

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = 字段
expected-operator = 运算符
expected-end = 筛选表达式的结尾
# $word: a word or sign of the filter language
word = “{ $word }”
kind-text = 用双引号括起来的字符串
kind-number = 数字
kind-time = 日期时间
kind-boolean = 布尔值
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
