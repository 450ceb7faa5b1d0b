### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = Não foi possível analisar a requisição.
bad-request-content = A requisição está sintaticamente correta, mas seu conteúdo é semanticamente inválido.
unauthorized = A requisição não contém credenciais válidas para o recurso de destino.
forbidden = O servidor entendeu a requisição, mas se recusa a autorizá-la.
not-found = O servidor não encontrou nenhuma representação atual do recurso de destino.
method-not-allowed = O recurso de destino não aceita o método da requisição.
not-acceptable = O recurso de destino não possui nenhuma representação aceita pela requisição.
request-timeout = A requisição não chegou por completo dentro do tempo de espera do servidor.
conflict = A requisição entra em conflito com o estado atual do recurso de destino.
precondition-failed = O recurso de destino não atende a uma condição prévia da requisição.
payload-too-large = O conteúdo da requisição excede o tamanho máximo aceito pelo servidor.
uri-too-long = O destino da requisição excede o comprimento máximo aceito pelo servidor.
unsupported-media-type = O recurso de destino não aceita o formato do conteúdo da requisição.
too-many-requests = Foram recebidas requisições demais em um curto período.
header-fields-too-large = Os campos de cabeçalho da requisição excedem o tamanho máximo aceito pelo servidor.
internal-fault = Ocorreu um erro interno.
service-unavailable = O serviço não pode responder no momento. Tente novamente mais tarde.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = “{ $parameter }” deve ser um número inteiro de { $min } a { $max }, e não “{ $given }”.
cause-not-a-boolean = “{ $parameter }” deve ser “true” ou “false”, e não “{ $given }”.
# $times: how often it was given
cause-parameter-repeated = “{ $parameter }” só pode ser informado uma vez; número de ocorrências: { $times }.
# $position: byte position in the query, from 1
cause-percent-encoding = O caractere “%” na posição { $position } da string de consulta não é seguido por dois dígitos hexadecimais.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = O parâmetro na posição { $position } da string de consulta não está codificado em UTF-8.
# $path: the path of the request
cause-unknown-path = Não há nada em “{ $path }”.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = O método { $method } não é aceito aqui. Métodos aceitos: { $allowed }.
# $limit: bytes
cause-uri-too-long = O comprimento máximo do destino da requisição, em bytes, é de { $limit }.
cause-payload-too-large = O tamanho máximo do conteúdo da requisição, em bytes, é de { $limit }.
cause-unsupported-media-type = O conteúdo não pode ser do tipo “{ $given }”. Tipos aceitos: { $allowed }.
# $line, $column: place in the content, from 1
cause-not-json = O conteúdo não é um JSON válido na linha { $line }, coluna { $column }.
# $pointer: place in the content, a JSON pointer
cause-field-required = “{ $pointer }” é obrigatório.
# $suggestion: the key that was probably meant
cause-unknown-field = “{ $pointer }” é desconhecido. Você quis dizer “{ $suggestion }”?
cause-not-a-string = “{ $pointer }” deve ser uma string.
cause-not-an-object = “{ $pointer }” deve ser um objeto.
cause-not-an-array = “{ $pointer }” deve ser um array.
cause-field-not-an-integer = “{ $pointer }” deve ser um número inteiro de { $min } a { $max }, e não “{ $given }”.
cause-not-a-time = “{ $pointer }” deve ser uma data e hora como 2026-01-31T23:59:59.000Z, entre os anos 1 e 9999, e não “{ $given }”.
# $allowed: the values, separated by commas
cause-not-one-of = “{ $pointer }” deve ser um dos valores { $allowed }, e não “{ $given }”.
# $limit: characters
cause-text-too-long = O comprimento máximo de “{ $pointer }”, em caracteres, é de { $limit }.
# $limit: bytes
cause-json-too-large = O tamanho máximo de “{ $pointer }”, em bytes, é de { $limit }.
# $limit: items
cause-too-many-items = O número máximo de itens de “{ $pointer }” é de { $limit }.
cause-null-character = “{ $pointer }” contém o caractere NUL (U+0000), que não pode ser armazenado.
cause-reserved-key = As chaves que começam com “{ $key }” são reservadas.
cause-number-too-long = “{ $pointer }” contém um número com dígitos demais. Máximo: { $limit }.
cause-reserved-id = “{ $given }” não pode ser o ID de uma tarefa: o valor está vazio ou é uma rota da API.
# $given: the id in the content
cause-id-differs = O ID no conteúdo, “{ $given }”, não corresponde ao do caminho.
cause-completed-without-status = “{ $pointer }” só pode ser definido junto com “/completionStatus”.
# $allowed: the places that may be changed, separated by commas
cause-immutable = “{ $pointer }” não pode ser alterado. Itens que podem ser alterados: { $allowed }.
cause-not-a-patch-operation = “{ $pointer }” não é uma operação de JSON Patch (RFC 6902).
cause-patch-target-missing = Não há nada em “{ $pointer }” que o patch possa alterar.
cause-test-failed = O patch esperava outro valor em “{ $pointer }”.
# $constraint: name of a constraint of the table
cause-constraint = O banco de dados recusou um valor: { $constraint }.
# $id: id of a task
cause-unknown-task = Não existe nenhuma tarefa com o ID “{ $id }”.
# $current: the ETag that the task has now
cause-etag-differs = A tarefa foi alterada: seu ETag agora é { $current }.
# $parameter: name of a query parameter
cause-parameter-required = “{ $parameter }” é obrigatório.
cause-not-a-cursor = “{ $parameter }” deve ser um cursor obtido de um cabeçalho Link desta lista com os mesmos critérios de ordenação.
# $parameter, $other: names of query parameters
cause-parameters-exclude = “{ $parameter }” não pode ser informado junto com “{ $other }”.
# $limit: bytes
cause-line-too-long = O comprimento máximo de uma linha, em bytes, é de { $limit }.
# $limit: lines
cause-too-many-lines = O número máximo de linhas do conteúdo é de { $limit }; o restante não foi lido.
# $segment: a part of the path
cause-path-encoding = “{ $segment }”, no caminho, não é UTF-8 com codificação percentual válida.
cause-content-incomplete = O conteúdo terminou antes de estar completo.
cause-no-token = Falta o cabeçalho “Authorization” com um token de portador.
# $limit: bytes
cause-token-too-long = O token de portador pode ter no máximo { $limit } bytes.
cause-token-malformed = O token de portador não é um JSON Web Token assinado.
cause-token-kind = O token de portador não é um token de acesso ou exige uma extensão que não é suportada.
cause-token-algorithm = O token de portador está assinado com um algoritmo ao qual sua chave não se destina.
cause-token-signature = O token de portador não está assinado com uma chave considerada confiável aqui.
cause-token-expired = O token de portador expirou.
cause-token-not-yet-valid = O token de portador ainda não é válido.
cause-token-issuer = O token de portador não é de um emissor considerado confiável aqui.
cause-token-audience = O token de portador não se destina a este serviço.
# $claim: name of a claim
cause-token-claim = A declaração { $claim } do token de portador está ausente ou não é uma data e hora.
cause-token-no-keys = As chaves com que os tokens de portador são verificados não estão disponíveis.
cause-not-the-gateway = A solicitação não vem pelo gateway.
cause-no-identity = O gateway não informa quem está chamando.
# $header: name of a header
cause-unreadable-identity = O cabeçalho { $header } não pode ser lido ou aparece mais de uma vez.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = São permitidas no máximo { $requests } solicitações em { $period }.
cause-overloaded = Há solicitações demais em andamento no momento.
cause-database-unavailable = Não é possível acessar o banco de dados.
cause-not-confirmed = O banco de dados não confirmou a tempo que a resposta está atualizada.
# $seconds: how long was waited
cause-deadline-exceeded = A resposta não ficou pronta em { $seconds } s.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = O comprimento do filtro, em caracteres, é de { $length }; o máximo permitido é de { $limit }.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Posição { $position } do filtro: “{ $found }” não pode aparecer aqui. Elementos esperados: { $expected }.
cause-filter-ends-early = Posição { $position } do filtro: o filtro termina cedo demais. Elementos esperados: { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Posição { $position } do filtro: o campo “{ $given }” não existe. Campos disponíveis: { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Posição { $position } do filtro: “{ $field }” não aceita o operador “{ $given }”. Operadores aceitos: { $allowed }.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = Posição { $position } do filtro: o valor comparado com “{ $field }” não é do tipo correto. Valor esperado: { $expected }; valor informado: { $given }.
cause-filter-unknown-name = Posição { $position } do filtro: “{ $given }” não é um valor de “{ $field }”. Valores aceitos: { $expected }.
cause-filter-invalid-time = Posição { $position } do filtro: “{ $given }” não é uma data e hora como 2026-01-31T23:59:59Z. Se for informada uma hora, ela deve ser seguida por “Z” ou por um deslocamento em relação ao UTC, cujo “+” é escrito como %2B em uma URL.
cause-filter-time-out-of-range = Posição { $position } do filtro: a data e hora “{ $given }” não está entre os anos 1 e 9999.
cause-filter-number-out-of-range = Posição { $position } do filtro: o número “{ $given }” está fora do intervalo de { $min } a { $max }.
cause-filter-unterminated-text = Posição { $position } do filtro: a string que começa aqui não tem aspas duplas de fechamento.
cause-filter-unknown-escape = Posição { $position } do filtro: uma barra invertida deve ser seguida por outra barra invertida ou por aspas duplas.
cause-filter-null-character = Posição { $position } do filtro: o caractere NUL (U+0000) não é permitido.
# $limit: characters
cause-filter-text-too-long = Posição { $position } do filtro: a string que começa aqui é longa demais. Comprimento máximo, em caracteres: { $limit }.
# $limit: levels
cause-filter-too-deep = Posição { $position } do filtro: o aninhamento de parênteses e “not” é profundo demais. Número máximo de níveis: { $limit }.
# $limit: comparisons
cause-filter-too-many-comparisons = Posição { $position } do filtro: há comparações demais. Número máximo: { $limit }.
# $limit: values
cause-filter-too-many-values = Posição { $position } do filtro: a lista tem valores demais. Número máximo: { $limit }.
cause-sorter-empty = O critério de ordenação { $item } está vazio. Critérios aceitos: { $allowed }.
cause-sorter-unknown = O critério de ordenação { $item }, “{ $given }”, é desconhecido. Critérios aceitos: { $allowed }, cada um opcionalmente precedido por “-” para ordem decrescente.
cause-sorter-repeated = O critério de ordenação { $item } repete “{ $sorter }”.

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = um campo
expected-operator = um operador
expected-end = o fim do filtro
# $word: a word or sign of the filter language
word = “{ $word }”
kind-text = uma string entre aspas duplas
kind-number = um número
kind-time = uma data e hora
kind-boolean = um valor booleano
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
