### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = 요청의 구문을 분석할 수 없습니다.
bad-request-content = 요청의 구문은 올바르지만 내용이 의미상 유효하지 않습니다.
unauthorized = 대상 리소스에 대한 유효한 자격 증명이 요청에 포함되어 있지 않습니다.
forbidden = 서버가 요청을 이해했지만 승인을 거부했습니다.
not-found = 서버에서 대상 리소스의 현재 표현을 찾을 수 없습니다.
method-not-allowed = 대상 리소스가 요청 메서드를 지원하지 않습니다.
not-acceptable = 대상 리소스에는 요청에서 허용하는 표현이 없습니다.
request-timeout = 서버의 대기 시간 안에 요청이 모두 도착하지 않았습니다.
conflict = 요청이 대상 리소스의 현재 상태와 충돌합니다.
precondition-failed = 대상 리소스가 요청의 사전 조건을 충족하지 않습니다.
payload-too-large = 요청 콘텐츠의 크기가 서버에서 허용하는 한도를 초과합니다.
uri-too-long = 요청 대상의 길이가 서버에서 허용하는 한도를 초과합니다.
unsupported-media-type = 대상 리소스가 이 요청의 콘텐츠 형식을 지원하지 않습니다.
too-many-requests = 짧은 시간 동안 너무 많은 요청이 들어왔습니다.
header-fields-too-large = 요청 헤더 필드의 크기가 서버에서 허용하는 한도를 초과합니다.
internal-fault = 내부 오류가 발생했습니다.
service-unavailable = 현재 서비스가 응답할 수 없습니다. 나중에 다시 시도하십시오.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = ‘{ $parameter }’의 값은 { $min } 이상 { $max } 이하의 정수여야 합니다. 지정된 값은 ‘{ $given }’입니다.
cause-not-a-boolean = ‘{ $parameter }’의 값은 ‘true’ 또는 ‘false’여야 합니다. 지정된 값은 ‘{ $given }’입니다.
# $times: how often it was given
cause-parameter-repeated = ‘{ $parameter }’ 매개변수는 한 번만 지정할 수 있지만 { $times }번 지정되었습니다.
# $position: byte position in the query, from 1
cause-percent-encoding = 쿼리의 { $position }번째 바이트에 있는 ‘%’ 뒤에 두 자리 16진수가 없습니다.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = 쿼리의 { $position }번째 바이트에 있는 매개변수가 올바른 UTF-8이 아닙니다.
# $path: the path of the request
cause-unknown-path = ‘{ $path }’ 경로에는 아무것도 없습니다.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = { $method } 메서드는 여기에서 지원되지 않습니다. 지원되는 메서드는 { $allowed }입니다.
# $limit: bytes
cause-uri-too-long = 요청 대상은 최대 { $limit }바이트까지 허용됩니다.
cause-payload-too-large = 요청 콘텐츠는 최대 { $limit }바이트까지 허용됩니다.
cause-unsupported-media-type = ‘{ $given }’ 유형의 콘텐츠는 지원되지 않습니다. 지원되는 유형은 { $allowed }입니다.
# $line, $column: place in the content, from 1
cause-not-json = 콘텐츠가 { $line }번째 줄, { $column }번째 열에서 올바른 JSON이 아닙니다.
# $pointer: place in the content, a JSON pointer
cause-field-required = ‘{ $pointer }’ 필드는 필수입니다.
# $suggestion: the key that was probably meant
cause-unknown-field = ‘{ $pointer }’ 필드를 알 수 없습니다. ‘{ $suggestion }’ 필드를 지정하려고 하셨습니까?
cause-not-a-string = ‘{ $pointer }’의 값은 문자열이어야 합니다.
cause-not-an-object = ‘{ $pointer }’의 값은 객체여야 합니다.
cause-not-an-array = ‘{ $pointer }’의 값은 배열이어야 합니다.
cause-field-not-an-integer = ‘{ $pointer }’의 값은 { $min } 이상 { $max } 이하의 정수여야 합니다. 지정된 값은 ‘{ $given }’입니다.
cause-not-a-time = ‘{ $pointer }’의 값은 2026-01-31T23:59:59.000Z와 같은 형식의 날짜 및 시간이어야 하며, 연도는 1년에서 9999년 사이여야 합니다. 지정된 값은 ‘{ $given }’입니다.
# $allowed: the values, separated by commas
cause-not-one-of = ‘{ $pointer }’의 값은 { $allowed } 중 하나여야 합니다. 지정된 값은 ‘{ $given }’입니다.
# $limit: characters
cause-text-too-long = ‘{ $pointer }’의 값은 최대 { $limit }자까지 허용됩니다.
# $limit: bytes
cause-json-too-large = ‘{ $pointer }’의 값은 최대 { $limit }바이트까지 허용됩니다.
# $limit: items
cause-too-many-items = ‘{ $pointer }’의 항목은 최대 { $limit }개까지 허용됩니다.
cause-null-character = ‘{ $pointer }’의 값에 저장할 수 없는 NUL 문자(U+0000)가 포함되어 있습니다.
cause-reserved-key = ‘{ $key }’로 시작하는 키는 예약되어 있습니다.
cause-number-too-long = ‘{ $pointer }’에 자릿수가 너무 많은 숫자가 있습니다. 최대 { $limit }자리입니다.
cause-reserved-id = ‘{ $given }’ 값은 작업의 ID로 사용할 수 없습니다. 값이 비어 있거나 API의 경로로 사용되고 있습니다.
# $given: the id in the content
cause-id-differs = 콘텐츠에 지정된 ID(‘{ $given }’)가 경로의 ID와 다릅니다.
cause-completed-without-status = ‘{ $pointer }’ 필드는 ‘/completionStatus’ 필드와 함께 지정할 때만 설정할 수 있습니다.
# $allowed: the places that may be changed, separated by commas
cause-immutable = ‘{ $pointer }’의 값은 변경할 수 없습니다. 변경할 수 있는 항목은 { $allowed }입니다.
cause-not-a-patch-operation = ‘{ $pointer }’의 값은 JSON Patch(RFC 6902) 연산이 아닙니다.
cause-patch-target-missing = ‘{ $pointer }’ 위치에는 패치로 변경할 대상이 없습니다.
cause-test-failed = ‘{ $pointer }’의 값이 패치에서 예상한 값과 다릅니다.
# $constraint: name of a constraint of the table
cause-constraint = 데이터베이스에서 값을 거부했습니다. 위반된 제약 조건은 { $constraint }입니다.
# $id: id of a task
cause-unknown-task = ID가 ‘{ $id }’인 작업이 없습니다.
# $current: the ETag that the task has now
cause-etag-differs = 작업이 변경되었습니다. 현재 ETag는 { $current }입니다.
# $parameter: name of a query parameter
cause-parameter-required = ‘{ $parameter }’ 매개변수는 필수입니다.
cause-not-a-cursor = ‘{ $parameter }’의 값은 이 목록을 같은 정렬 기준으로 조회했을 때의 Link 헤더에 포함된 커서여야 합니다.
# $parameter, $other: names of query parameters
cause-parameters-exclude = ‘{ $parameter }’ 매개변수는 ‘{ $other }’ 매개변수와 함께 지정할 수 없습니다.
# $limit: bytes
cause-line-too-long = 한 줄은 최대 { $limit }바이트까지 허용됩니다.
# $limit: lines
cause-too-many-lines = 콘텐츠는 최대 { $limit }줄까지 허용됩니다. 나머지는 읽지 않았습니다.
# $segment: a part of the path
cause-path-encoding = 경로의 ‘{ $segment }’ 부분이 퍼센트 인코딩된 올바른 UTF-8이 아닙니다.
cause-content-incomplete = 콘텐츠가 완전하지 않은 상태로 끝났습니다.
cause-no-token = Bearer 토큰이 있는 Authorization 헤더가 없습니다.
# $limit: bytes
cause-token-too-long = Bearer 토큰은 최대 { $limit }바이트까지 가능합니다.
cause-token-malformed = Bearer 토큰이 서명된 JSON Web Token이 아닙니다.
cause-token-kind = Bearer 토큰이 액세스 토큰이 아니거나 지원되지 않는 확장을 요구합니다.
cause-token-algorithm = Bearer 토큰이 해당 키의 용도가 아닌 알고리즘으로 서명되었습니다.
cause-token-signature = Bearer 토큰이 여기서 신뢰하는 키로 서명되지 않았습니다.
cause-token-expired = Bearer 토큰이 만료되었습니다.
cause-token-not-yet-valid = Bearer 토큰이 아직 유효하지 않습니다.
cause-token-issuer = Bearer 토큰이 여기서 신뢰하는 발급자의 것이 아닙니다.
cause-token-audience = Bearer 토큰이 이 서비스용이 아닙니다.
# $claim: name of a claim
cause-token-claim = Bearer 토큰의 클레임 { $claim }이(가) 없거나 시각이 아닙니다.
cause-token-no-keys = Bearer 토큰을 검증하는 키를 사용할 수 없습니다.
cause-not-the-gateway = 요청이 게이트웨이를 거치지 않았습니다.
cause-no-identity = 게이트웨이가 호출자를 알려 주지 않습니다.
# $header: name of a header
cause-unreadable-identity = 헤더 { $header }을(를) 읽을 수 없거나 여러 번 있습니다.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = { $period } 동안 최대 { $requests }개의 요청이 허용됩니다.
cause-overloaded = 현재 처리 중인 요청이 너무 많습니다.
cause-database-unavailable = 데이터베이스에 연결할 수 없습니다.
cause-not-confirmed = 응답이 최신 상태임을 데이터베이스가 제시간에 확인해 주지 않았습니다.
# $seconds: how long was waited
cause-deadline-exceeded = { $seconds }초 안에 응답이 준비되지 않았습니다.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = 필터의 길이는 { $length }자이지만 최대 { $limit }자까지 허용됩니다.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = 필터의 { $position }번째 문자에 있는 ‘{ $found }’ 항목은 여기에 올 수 없습니다. 여기에 올 수 있는 항목은 { $expected }입니다.
cause-filter-ends-early = 필터가 중간에 끝났습니다. { $position }번째 문자 위치에 올 수 있는 항목은 { $expected }입니다.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = 필터의 { $position }번째 문자에 있는 ‘{ $given }’ 필드는 존재하지 않습니다. 사용할 수 있는 필드는 { $allowed }입니다.
# $allowed: the operators, separated by commas
cause-filter-operator = 필터의 { $position }번째 문자에 있는 ‘{ $given }’ 연산자는 ‘{ $field }’ 필드에 사용할 수 없습니다. 사용할 수 있는 연산자는 { $allowed }입니다.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = 필터의 { $position }번째 문자에 있는 값은 ‘{ $field }’ 필드와 비교할 수 없습니다. 비교할 수 있는 값은 { $expected }입니다. 지정된 값은 { $given }입니다.
cause-filter-unknown-name = 필터의 { $position }번째 문자에 있는 ‘{ $given }’ 값은 ‘{ $field }’ 필드의 값이 아닙니다. 허용되는 값은 { $expected }입니다.
cause-filter-invalid-time = 필터의 { $position }번째 문자에 있는 ‘{ $given }’ 값은 2026-01-31T23:59:59Z와 같은 형식의 날짜 및 시간이 아닙니다. 시각을 지정할 때는 ‘Z’ 또는 UTC 오프셋이 필요하며, 오프셋의 ‘+’ 기호는 URL에서 %2B로 써야 합니다.
cause-filter-time-out-of-range = 필터의 { $position }번째 문자에 있는 날짜 및 시간 ‘{ $given }’의 연도가 1년에서 9999년까지의 범위를 벗어납니다.
cause-filter-number-out-of-range = 필터의 { $position }번째 문자에 있는 숫자 ‘{ $given }’의 값이 { $min } 이상 { $max } 이하의 범위를 벗어납니다.
cause-filter-unterminated-text = 필터의 { $position }번째 문자에서 시작하는 문자열에 닫는 큰따옴표가 없습니다.
cause-filter-unknown-escape = 필터의 { $position }번째 문자에 있는 백슬래시 뒤에는 또 다른 백슬래시나 큰따옴표가 와야 합니다.
cause-filter-null-character = 필터의 { $position }번째 문자에 있는 NUL 문자(U+0000)는 허용되지 않습니다.
# $limit: characters
cause-filter-text-too-long = 필터의 { $position }번째 문자에서 시작하는 문자열이 최대 길이인 { $limit }자를 초과합니다.
# $limit: levels
cause-filter-too-deep = 필터의 { $position }번째 문자에서 괄호와 ‘not’의 중첩 깊이가 최대 { $limit }단계를 초과합니다.
# $limit: comparisons
cause-filter-too-many-comparisons = 필터의 { $position }번째 문자에서 비교의 수가 최대 { $limit }개를 초과합니다.
# $limit: values
cause-filter-too-many-values = 필터의 { $position }번째 문자에서 목록에 있는 값의 수가 최대 { $limit }개를 초과합니다.
cause-sorter-empty = { $item }번째 정렬 기준이 비어 있습니다. 사용할 수 있는 정렬 기준은 { $allowed }입니다.
cause-sorter-unknown = { $item }번째 정렬 기준인 ‘{ $given }’ 항목을 알 수 없습니다. 사용할 수 있는 정렬 기준은 { $allowed }입니다. 내림차순으로 정렬하려면 각 기준 앞에 ‘-’ 기호를 붙이십시오.
cause-sorter-repeated = { $item }번째 정렬 기준에서 ‘{ $sorter }’ 항목이 중복되었습니다.

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = 필드
expected-operator = 연산자
expected-end = 필터의 끝
# $word: a word or sign of the filter language
word = ‘{ $word }’
kind-text = 큰따옴표로 묶은 문자열
kind-number = 숫자
kind-time = 날짜 및 시간
kind-boolean = 부울 값
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
