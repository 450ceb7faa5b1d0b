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
cause-database-unavailable = Não é possível acessar o banco de dados.
# $seconds: how long was waited
cause-deadline-exceeded = A resposta não ficou pronta em { $seconds } s.
